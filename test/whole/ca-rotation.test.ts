/** ca rotate: clients that were set up between the two steps notice nothing of the second. */
import { X509Certificate } from "node:crypto";
import { readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { showCa } from "../../src/app/commands/ca.ts";
import { rotateCa } from "../../src/app/commands/ca-rotate.ts";
import { openAuthority } from "../../src/doors/proxy/authority/ca.ts";
import { load } from "../app/settings/loading.ts";
import { direct, viaProxy } from "./support/client.ts";
import { addImage, type Image } from "./support/image.ts";
import { type NamedRegistry, Scene } from "./support/program.ts";

let scene: Scene;
let registry: NamedRegistry;
let image: Image;
let dataDir: string;

beforeEach(async () => {
  scene = await Scene.open();
  registry = await scene.registry("reg.test");
  image = addImage(registry.server, "team/app");
  dataDir = join(scene.folder, "data");
});

function start() {
  return scene.start({ DATA_DIR: dataDir, REGISTRIES: registry.name });
}

async function rotate(isSwitch: boolean, environment = {}): Promise<string> {
  const lines: string[] = [];
  const { settings } = await load({ environment: { DATA_DIR: dataDir, ...environment } });
  await rotateCa({ settings, isSwitch, now: Date.now, print: (line) => void lines.push(line) });
  return lines.join("\n");
}

function pull(door: { readonly port: number }, ca: string): Promise<number> {
  const path = `/v2/team/app/blobs/${image.layer}`;
  return viaProxy({ ...door, ca }, registry.name, path).then(({ status }) => status);
}

function fingerprints(pem: string): readonly string[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block).fingerprint256);
}

describe("ca rotate", () => {
  it("keeps the old CA trusted while clients change, and ends it when told", async () => {
    const first = await start();
    const old = first.ca;
    expect(await pull(first, old)).toBe(200);
    await first.stop();

    const [oldPrint = ""] = fingerprints(old);
    expect(await rotate(false)).toContain(`${oldPrint} goes on signing`);
    const second = await start();
    const both = (await direct(second, "/ca.crt")).body.toString();
    expect(fingerprints(both)).toHaveLength(2);
    expect(fingerprints(both)[0]).toBe(oldPrint);
    expect(await pull(second, old)).toBe(200);
    const script = (await direct(second, "/setup/docker")).body.toString();
    for (const part of both.split(/(?<=-----END CERTIFICATE-----)\n/).filter(Boolean)) {
      expect(script).toContain(part.trim());
    }
    expect(script).toContain("entrepot-next.crt");
    await second.stop();

    const [, newPrint = ""] = fingerprints(both);
    expect(await rotate(true)).toBe(
      `${newPrint} signs from the next start of the server on; ${oldPrint} is gone.`,
    );
    const third = await start();
    expect(await pull(third, both)).toBe(200);
    await expect(pull(third, old)).rejects.toThrow();
    const now = (await direct(third, "/ca.crt")).body.toString();
    expect(fingerprints(now)).toEqual([newPrint]);
    expect((await readdir(join(dataDir, "ca"))).sort()).toEqual(["ca.crt", "ca.key"]);
    expect((await stat(join(dataDir, "ca", "ca.key"))).mode & 0o777).toBe(0o600);
  });

  it("makes one next CA, however often it is asked, and shows both", async () => {
    await (await start()).stop();
    const made = /: (\S+)\n/.exec(await rotate(false))?.[1] ?? "";
    expect(await rotate(false)).toContain(`The next CA waits: ${made}`);
    const lines: string[] = [];
    const print = (line: string) => void lines.push(line);
    expect(await showCa("show", { certificate: undefined, dataDir, print, fail: print })).toBe(0);
    expect(lines.filter((line) => line.includes("fingerprint"))).toHaveLength(2);
    expect(lines.at(-2)).toContain(made);
  });

  it("does not switch to what is not there, nor touch a CA of the operator's", async () => {
    await (await start()).stop();
    await expect(rotate(true)).rejects.toThrow(
      "there is no next CA yet; entrepot ca rotate makes it",
    );
    const own = { CA_CERT: join(dataDir, "ca", "ca.crt"), CA_KEY: join(dataDir, "ca", "ca.key") };
    await expect(rotate(false, own)).rejects.toThrow("CA_CERT names a CA of your own");
  });

  it.each([
    ["before the key changed", 1],
    ["after it", 2],
  ])(
    "leaves a CA that works when the switch is cut off %s, and ends it later",
    async (_, steps) => {
      await (await start()).stop();
      await rotate(false);
      const folder = join(dataDir, "ca");
      const at = (name: string) => join(folder, name);
      const [root, next] = [
        await readFile(at("ca.crt"), "utf8"),
        await readFile(at("next.crt"), "utf8"),
      ];
      await writeFile(at("ca.crt"), next + root);
      if (steps > 1) await rename(at("next.key"), at("ca.key"));
      const signing = steps > 1 ? next : root;
      const opened = await openAuthority({ folder, now: Date.now });
      expect(opened.root).toBe(new X509Certificate(signing).toString());
      if (steps === 1) await rotate(true);
      const door = await start();
      expect(await pull(door, next + (steps > 1 ? "" : root))).toBe(200);
    },
  );
});
