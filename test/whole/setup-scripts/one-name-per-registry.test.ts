/** Names that stand for one registry each: what is handed out under one is for that registry alone. */
import { expect, it } from "vitest";
import { setupBuildkit } from "../../../src/doors/front-page/setup-buildkit.ts";
import { setupContainerd } from "../../../src/doors/front-page/setup-containerd.ts";
import { setupK3s } from "../../../src/doors/front-page/setup-k3s.ts";
import { setupPodman } from "../../../src/doors/front-page/setup-podman.ts";
import { printScript, type SetupScript } from "../../../src/doors/front-page/setup-script.ts";
import { canonicalRegistry } from "../../../src/protocol/registry-name.ts";
import { bash, facts, filesBelow, image, read } from "./script-runner.ts";

const registries = ["docker.io", "ghcr.io", "quay.io", "registry.k8s.io", "lab.example:5000"];

function apply(folder: string, script: SetupScript, registry: string, ...options: string[]) {
  const name = canonicalRegistry(registry);
  if (name === undefined) throw new TypeError(registry);
  const mirror = `https://${nameOf(registry)}`;
  const its = { mirror, registries: [{ name, scheme: "https" as const }], isOneRegistry: true };
  const text = printScript(script, { ...facts, ...its });
  return bash(text, ["-s", "--", "--root", folder, ...options]);
}

const nameOf = (registry: string) => `${registry.split(/[.:]/)[0]}.mirror.example.com`;

it("containerd has five names for five registries, each in a hosts.toml of its own", async () => {
  const folder = await image();
  const before = await filesBelow(folder);
  for (const registry of registries) await apply(folder, setupContainerd, registry);
  const files = (await filesBelow(folder)).filter((file) => file.endsWith("hosts.toml"));
  expect(files).toHaveLength(registries.length);
  for (const registry of registries) {
    const text = await read(folder, `etc/containerd/certs.d/${registry}/hosts.toml`);
    expect(text).toContain(`[host."https://${nameOf(registry)}"]`);
  }
  for (const registry of registries) await apply(folder, setupContainerd, registry, "--undo");
  expect(await filesBelow(folder)).toEqual(before);
});

it("podman has five names for five registries, without a path in front", async () => {
  const folder = await image();
  for (const registry of registries) await apply(folder, setupPodman, registry);
  for (const registry of registries) {
    const file = `etc/containers/registries.conf.d/50-entrepot-${registry.replace(":", "-")}.conf`;
    const text = await read(folder, file);
    expect(text).toContain(`prefix = "${registry}"`);
    expect(text).toContain(`[[registry.mirror]]\nlocation = "${nameOf(registry)}"\n`);
  }
});

it.each([
  [setupK3s, "etc/rancher/k3s/registries.yaml"],
  [setupBuildkit, "etc/buildkit/buildkitd.toml"],
])("%o has one file for all, and shows what to add for a second name", async (script, file) => {
  const folder = await image();
  await apply(folder, script, "ghcr.io");
  const first = await read(folder, file);
  expect(first).toContain("ghcr.mirror.example.com");
  expect(first).not.toMatch(/docker\.io|"\*"/);
  await expect(apply(folder, script, "quay.io")).rejects.toThrow(/quay\.mirror\.example\.com/);
  expect(await read(folder, file)).toBe(first);
  await apply(folder, script, "quay.io", "--undo");
  expect(await read(folder, file)).toBe(first);
  await apply(folder, script, "ghcr.io", "--undo");
  await expect(read(folder, file)).rejects.toThrow("ENOENT");
});
