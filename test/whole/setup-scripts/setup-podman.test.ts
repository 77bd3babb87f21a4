import { expect, it } from "vitest";
import { setupPodman } from "../../../src/doors/front-page/setup-podman.ts";
import { printScript } from "../../../src/doors/front-page/setup-script.ts";
import { bash, facts, filesBelow, image, itIsASetupScript, read, shell } from "./script-runner.ts";

itIsASetupScript(setupPodman);

it("names a mirror by path prefix for each registry", async () => {
  const folder = await image();
  await shell(folder, setupPodman);
  expect(await read(folder, "etc/containers/registries.conf.d/50-entrepot.conf")).toContain(
    'location = "cache.lan:3128/ghcr.io"\ninsecure = true\n',
  );
});

it("leaves a registry with a port out: podman would take the mirror's name for no reference at all", async () => {
  const folder = await image();
  await shell(folder, setupPodman);
  const written = await read(folder, "etc/containers/registries.conf.d/50-entrepot.conf");
  expect(written).toContain("# lab.example:5000 is pulled directly");
  expect(written).not.toMatch(/^[^#]*lab\.example/m);
});

it("reaches a plain HTTP registry without TLS when the mirror is gone", async () => {
  const folder = await image();
  await shell(folder, setupPodman);
  expect(await read(folder, "etc/containers/registries.conf.d/50-entrepot.conf")).toContain(
    'location = "plain.example"\ninsecure = true\n[[registry.mirror]]\nlocation = "cache.lan:3128/plain.example"\n',
  );
});

it("podman: a mirror by IPv6 address, with which older versions refuse every image, is not set up", async () => {
  const folder = await image();
  const byAddress = { ...facts, mirror: "http://[fd00::7]:3128", proxy: "[fd00::7]:3128" };
  const run = (...options: string[]) =>
    bash(printScript(setupPodman, byAddress), ["-s", "--", "--root", folder, ...options]);
  await expect(run()).rejects.toThrow(/by a name of the proxy or its IPv4 address/);
  expect(await filesBelow(folder)).toEqual([]);
  await shell(folder, setupPodman);
  await run("--undo");
  expect(await filesBelow(folder)).toEqual([]);
});
