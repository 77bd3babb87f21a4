import { expect, it } from "vitest";
import { setupContainerd } from "../../../src/doors/front-page/setup-containerd.ts";
import { image, itIsASetupScript, read, shell, write } from "./script-runner.ts";

itIsASetupScript(setupContainerd);

const path = "etc/containerd/certs.d/ghcr.io/hosts.toml";

it("keeps somebody else's file, and shows what to add", async () => {
  const folder = await image();
  await write(folder, path, "# mine\n");
  await expect(shell(folder, setupContainerd)).rejects.toThrow(/cache\.lan:3128[\s\S]*not ours/);
  expect(await read(folder, path)).toBe("# mine\n");
  await shell(folder, setupContainerd, [], ["--undo"]);
  expect(await read(folder, path)).toBe("# mine\n");
});

it("containerd: a folder per registry and one for all others", async () => {
  const folder = await image();
  const { stdout } = await shell(folder, setupContainerd);
  const certs = "etc/containerd/certs.d";
  expect(await read(folder, `${certs}/docker.io/hosts.toml`)).toBe(
    '# Written by entrepot: /setup/containerd --undo removes it\nserver = "https://registry-1.docker.io"\n[host."http://cache.lan:3128"]\n  capabilities = ["pull", "resolve"]\n',
  );
  expect(await read(folder, `${certs}/lab.example:5000/hosts.toml`)).toContain(
    'server = "https://lab.example:5000"',
  );
  expect(await read(folder, `${certs}/_default/hosts.toml`)).not.toContain("server");
  expect(stdout).toContain("config_path");
});

it("names a plain HTTP registry as one", async () => {
  const folder = await image();
  await shell(folder, setupContainerd);
  expect(await read(folder, "etc/containerd/certs.d/plain.example/hosts.toml")).toContain(
    'server = "http://plain.example"',
  );
});

it.each([
  ["commented out", '# config_path = "/etc/containerd/certs.d"', true],
  ["set to another folder", 'config_path = "/srv/certs.d"', true],
  ["set", '  config_path = "/etc/containerd/certs.d"', false],
  [
    "one of two",
    "registry = { config_path = '/etc/docker/certs.d:/etc/containerd/certs.d' }",
    false,
  ],
])("says what config.toml needs: config_path %s", async (_what, line, isTold) => {
  const folder = await image();
  await write(folder, "etc/containerd/config.toml", `version = 2\n${line}\n`);
  const { stdout } = await shell(folder, setupContainerd);
  expect(stdout.includes("config_path")).toBe(isTold);
});
