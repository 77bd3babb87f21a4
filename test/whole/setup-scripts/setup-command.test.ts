/** `entrepot setup NAME` prints what the front page gives out. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { printSetup } from "../../../src/app/commands/setup.ts";
import { settingsWith } from "../../app/compose/composing.ts";
import { makeAuthority } from "../../support/certificates.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { direct } from "../support/client.ts";
import { Scene } from "../support/program.ts";

type Texts = Readonly<Record<string, string>>;

/** What it prints with these settings, and how it ends. */
async function setup(name: string | undefined, address: string | undefined, texts: Texts = {}) {
  const printed: string[] = [];
  const failed: string[] = [];
  const code = await printSetup({
    ...{ name, address, settings: await settingsWith(texts) },
    print: (text) => void printed.push(text),
    fail: (text) => void failed.push(text),
  });
  return { code, printed: printed.join("\n"), failed };
}

async function folderWithCa(): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, "ca"));
  await writeFile(join(folder, "ca", "ca.crt"), makeAuthority().ca);
  return folder;
}

it("prints exactly what a server with these settings gives out", async () => {
  const scene = await Scene.open();
  const settings = { REGISTRIES: "reg.lan:5000", MIRROR_HOSTS: "hub.lan=docker.io" };
  const door = await scene.start(settings);
  const its = { ...settings, DATA_DIR: door.dataDir, PORT: String(door.port) };
  for (const [name, host] of [
    ["docker", "cache.lan"],
    ["containerd", "cache.lan"],
    ["check", "cache.lan"],
    ["docker-mirror", "hub.lan"],
  ] as const) {
    const headers = { host: `${host}:${door.port}` };
    const { body } = await direct(door, `/setup/${name}`, { headers });
    expect((await setup(name, host, its)).printed).toBe(body.toString().trimEnd());
  }
});

it.each([
  ["cache.lan", {}, "http://cache.lan:3128"],
  ["cache.lan:80", {}, "http://cache.lan:80"],
  ["https://cache.lan", {}, "https://cache.lan"],
  [undefined, { PUBLIC_URL: "https://mirror.corp.example" }, "https://mirror.corp.example"],
  [undefined, {}, "http://127.0.0.1:3128"],
])("--address %s with %j says %s", async (address, texts, mirror) => {
  const { printed } = await setup("check", address, { DATA_DIR: await folderWithCa(), ...texts });
  expect(printed).toContain(`\nmirror=${mirror}\n`);
});

it("lists what there is without a name", async () => {
  const { code, printed } = await setup(undefined, undefined);
  expect(code).toBe(0);
  for (const name of [
    "docker",
    "containerd",
    "podman",
    "k3s",
    "kind",
    "buildkit",
    "trust",
    "check",
  ]) {
    expect(printed).toMatch(new RegExp(`^${name} +[A-Z].*\\.$`, "m"));
  }
});

it("says what is wrong with what was asked", async () => {
  expect(await setup("dockr", undefined)).toMatchObject({
    ...{ code: 2, printed: "" },
    failed: ["there is no set-up called dockr; entrepot setup lists them"],
  });
  expect((await setup("docker", "a b")).failed).toEqual([
    "a b is no address: write cache.lan or cache.lan:3128",
  ]);
  const without = await setup("docker", "cache.lan");
  expect(without.code).toBe(1);
  expect(without.failed[0]).toMatch(/^there is no .*ca\.crt; it is made on the first start/);
  const texts = { DATA_DIR: await folderWithCa(), MIRROR_HOSTS: "ghcr.lan=ghcr.io" };
  const refused = await setup("docker-mirror", "ghcr.lan", texts);
  expect([refused.code, refused.printed]).toEqual([1, ""]);
  expect(refused.failed[0]).toContain("this name stands for ghcr.io");
});
