/** Images that are exported on one machine and imported on another, by commands. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import { digestHex, digestOf } from "../../src/protocol/digest.ts";
import { ociIndex, ociManifest } from "../../src/protocol/media-type.ts";
import { type Answer, direct, viaProxy } from "./support/client.ts";
import { HostedClient, newImage, type PushedImage } from "./support/hosted.ts";
import { addImage, type Image, manifestType } from "./support/image.ts";
import { type Program, Scene } from "./support/program.ts";

const main = fileURLToPath(new URL("../../src/app/main.js", import.meta.url));
const host = "registry.lan";
const hosting = { HOSTED_HOSTS: host, HOSTED_ANONYMOUS_PUSH: "true" };

let scene: Scene;
let archive = "";
let folder = "";

beforeEach(async () => {
  scene = await Scene.open();
  archive = join(scene.folder, "images.tar");
  folder = join(scene.folder, "layout");
});

/** With the folder alone: it asks the server there, or works on what one left. */
async function entrepot(dataDir: string, args: readonly string[], more: object = {}) {
  const env = { PATH: process.env.PATH ?? "", DATA_DIR: dataDir, ...more };
  const child = spawn(process.execPath, [main, "images", ...args], {
    ...{ cwd: scene.folder, env, stdio: ["ignore", "pipe", "pipe"] },
  });
  const output = { out: "", err: "" };
  child.stdout.on("data", (piece) => (output.out += String(piece)));
  child.stderr.on("data", (piece) => (output.err += String(piece)));
  const [code] = await once(child, "close");
  return { code: Number(code), ...output };
}

const elsewhere = (): string => join(scene.folder, "elsewhere");

/** Another machine: nothing of what the first has, and nothing that it could ask. */
async function otherMachine(settings: Readonly<Record<string, string>> = {}): Promise<Program> {
  scene.names.clear();
  return scene.start({ DATA_DIR: elsewhere(), ...settings });
}

function indexOf(...children: readonly (readonly [string, PushedImage])[]) {
  const manifests = children.map(([platform, { digest, manifest }]) => {
    const [os, architecture] = platform.split("/");
    return {
      ...{ mediaType: ociManifest, digest, size: manifest.length },
      platform: { os, architecture },
    };
  });
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests }));
  return { bytes, digest: digestOf(bytes) };
}

async function pushIndex(client: HostedClient, repository: string, tag: string) {
  const images = [newImage(), newImage()] as const;
  for (const image of images) await client.push(repository, image.digest, image);
  const index = indexOf(["linux/amd64", images[0]], ["linux/arm64", images[1]]);
  const path = `/v2/${repository}/manifests/${tag}`;
  const headers = { "content-type": ociIndex };
  await client.ask(path, { method: "PUT", body: index.bytes, headers });
  return { index, images };
}

describe("images that were pushed here", { timeout: 120_000 }, () => {
  it("are on the other machine what they were, with signatures and what else is about them", async () => {
    const program = await scene.start(hosting);
    const client = new HostedClient(program, host);
    const { index, images } = await pushIndex(client, "team/app", "1");
    const subject = { mediaType: ociIndex, digest: index.digest, size: index.bytes.length };
    const sbom = newImage({ subject, artifactType: "application/vnd.test.sbom" });
    await client.push("team/app", sbom.digest, sbom);
    const signature = newImage();
    const signatureTag = `${images[0].digest.replace(":", "-")}.sig`;
    await client.push("team/app", signatureTag, signature);
    const name = `${host}/team/app:1`;
    const exported = await entrepot(program.dataDir, ["export", name, "-o", archive]);
    expect([exported.code, exported.err]).toEqual([0, ""]);
    expect(exported.out).toContain(`exported ${name} for linux/amd64, linux/arm64\n  with 2 `);
    await program.stop();

    const other = await otherMachine(hosting);
    const imported = await entrepot(other.dataDir, ["import", archive]);
    expect([imported.code, imported.err]).toEqual([0, ""]);
    expect(imported.out).toContain(`imported ${name} for linux/amd64, linux/arm64, as if`);
    const there = new HostedClient(other, host);
    expect((await there.get("/v2/team/app/manifests/1")).body.equals(index.bytes)).toBe(true);
    for (const image of [...images, sbom, signature]) {
      const layer = await there.get(`/v2/team/app/blobs/${image.layerDigest}`);
      expect(layer.body.equals(image.layer)).toBe(true);
    }
    expect((await there.get(`/v2/team/app/manifests/${signatureTag}`)).status).toBe(200);
    const referrers = await there.get(`/v2/team/app/referrers/${index.digest}`);
    expect(referrers.body.toString()).toContain(sbom.digest);
    const again = await entrepot(other.dataDir, ["import", archive]);
    expect(again.out).toMatch(/brought 0 blobs \(0 B\); 5 were there\n$/);
  });

  it("go under another name, one platform alone, out of a folder that no server has", async () => {
    const program = await scene.start(hosting);
    const { index, images } = await pushIndex(new HostedClient(program, host), "team/app", "1");
    await program.stop();
    const one = ["export", `${host}/team/app:1`, "--platform", "linux/arm64", "-o", folder];
    const exported = await entrepot(program.dataDir, one, hosting);
    expect([exported.code, exported.err]).toEqual([0, ""]);
    expect(exported.out).toContain("for linux/arm64\n");
    expect(existsSync(join(folder, "blobs/sha256", digestHex(images[0].digest)))).toBe(false);
    const none = ["export", `${host}/team/app:1`, "--platform", "linux/s390x", "-o", folder];
    expect(await entrepot(program.dataDir, none, hosting)).toMatchObject({
      code: 1,
      err: `entrepot: ${host}/team/app:1 is not for linux/s390x, but for linux/amd64, linux/arm64\n`,
    });

    const other = await otherMachine(hosting);
    await other.stop();
    const as = ["import", folder, "--as", `${host}/else:new`];
    const imported = await entrepot(other.dataDir, as, hosting);
    expect([imported.code, imported.err]).toEqual([0, ""]);
    const there = new HostedClient(await otherMachine(hosting), host);
    const manifest = await there.get("/v2/else/manifests/new");
    expect(manifest.headers["docker-content-digest"]).toBe(index.digest);
    expect((await there.get(`/v2/else/blobs/${images[1].layerDigest}`)).status).toBe(200);
    expect((await there.get(`/v2/else/blobs/${images[0].layerDigest}`)).status).toBe(404);
  });

  it("are exported on where a run was broken off, and what has changed there is written anew", async () => {
    const program = await scene.start(hosting);
    const client = new HostedClient(program, host);
    const images = [newImage({}, 300_000), newImage({}, 400_000)] as const;
    for (const [at, image] of images.entries()) await client.push("a", `${at}`, image);
    const names = [`${host}/a:0`, `${host}/a:1`];
    await entrepot(program.dataDir, ["export", ...names, "-o", archive]);
    const whole = await readFile(archive);
    await writeFile(`${archive}.partial`, whole.subarray(0, 500_000));
    const other = join(scene.folder, "other.tar");
    await writeFile(`${other}.partial`, whole.subarray(0, 500_000));
    const resumed = await entrepot(program.dataDir, ["export", ...names, "-o", other]);
    expect(resumed.out).toMatch(/wrote 1 blob .*; 4 were there\n$/);
    expect((await readFile(other)).equals(whole)).toBe(true);
    const same = await entrepot(program.dataDir, ["export", ...names, "-o", other]);
    expect(same.out).toMatch(/wrote 0 blobs \(0 B\) to \S+; 5 were there\n$/);
    const others = await entrepot(program.dataDir, ["export", `${host}/a:0`, "-o", other]);
    expect([others.code, others.err]).toEqual([1, expect.stringContaining("is there already")]);

    await entrepot(program.dataDir, ["export", ...names, "-o", folder]);
    const [first, second] = images.map(({ layerDigest }) =>
      join(folder, "blobs/sha256", digestHex(layerDigest)),
    ) as [string, string];
    await truncate(first, 100);
    await writeFile(second, Buffer.alloc((await stat(second)).size));
    const mended = await entrepot(program.dataDir, ["export", ...names, "-o", folder]);
    expect(mended.out).toMatch(/wrote 2 blobs .*; 3 were there\n$/);
    expect(digestOf(await readFile(second))).toBe(images[1].layerDigest);
  });
});

async function pull(program: Program, registry: string, image: Image): Promise<readonly Answer[]> {
  const answers: Answer[] = [await viaProxy(program, registry, "/v2/")];
  for (const path of [`manifests/${image.tag}`, `blobs/${image.config}`, `blobs/${image.layer}`]) {
    const headers = { accept: manifestType };
    answers.push(await viaProxy(program, registry, `/v2/${image.repository}/${path}`, { headers }));
  }
  return answers;
}

const statuses = (answers: readonly Answer[]) => answers.map(({ status }) => status);

describe("images of other registries", { timeout: 120_000 }, () => {
  it("are pulled where nobody can be asked, by the proxy and by the mirror, marked as imported", async () => {
    const { name, server } = await scene.registry("elsewhere.test");
    const settings = { REGISTRIES: name };
    const program = await scene.start(settings);
    const image = addImage(server, "team/app");
    await pull(program, name, image);
    const called = `${name}/team/app:1`;
    const exported = await entrepot(program.dataDir, ["export", called, "-o", archive]);
    expect([exported.code, exported.err]).toEqual([0, ""]);

    const other = await otherMachine(settings);
    expect(statuses(await pull(other, name, image))).not.toContain(200);
    const imported = await entrepot(other.dataDir, ["import", archive]);
    expect([imported.code, imported.err]).toEqual([0, ""]);
    expect(imported.out).toContain(`imported ${called}, cached\n`);
    const answers = await pull(other, name, image);
    expect(statuses(answers)).toEqual([200, 200, 200, 200]);
    expect(answers[1]?.headers.warning).toContain("this is what was imported as 1");
    expect(answers[3]?.body.equals(image.layerBytes)).toBe(true);
    const mirrored = await direct(other, `/v2/${name}/team/app/manifests/1`);
    expect(mirrored.status).toBe(200);
    const never = await viaProxy(other, name, "/v2/team/app/manifests/2");
    expect(never.status).toBeGreaterThanOrEqual(500);
  });
});
