/** Images that are exported on one machine and imported on another, by commands. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { beforeEach, describe, expect, it } from "vitest";
import { digestHex, digestOf } from "../../src/protocol/digest.ts";
import { ociIndex, ociManifest } from "../../src/protocol/media-type.ts";
import { printTarHeader, tarPadding } from "../../src/protocol/tar.ts";
import { status as answering } from "../support/fake-registry/fault.ts";
import { type Answer, direct, viaProxy } from "./support/client.ts";
import { HostedClient, newImage, type PushedImage } from "./support/hosted.ts";
import { addImage, type Image, manifestType } from "./support/image.ts";
import { authorization } from "./support/login.ts";
import { type Program, type RegistryOptions, Scene } from "./support/program.ts";

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

describe("images that were pushed here", () => {
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

describe("images of other registries", () => {
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

describe("an image that was imported as another registry's", () => {
  /** On a machine that can reach the registry, which has `auth`. */
  async function imported(auth: RegistryOptions["auth"]) {
    const source = await scene.registry("elsewhere.test");
    const settings = { REGISTRIES: source.name };
    const program = await scene.start(settings);
    const image = addImage(source.server, "team/app");
    await pull(program, source.name, image);
    await entrepot(program.dataDir, ["export", `${source.name}/team/app:1`, "-o", archive]);
    await program.stop();
    await source.server.close();
    const port = Number(source.name.split(":")[1]);
    const there = await scene.registry("elsewhere.test", { port, ...(auth && { auth }) });
    const other = await scene.start({ ...settings, DATA_DIR: elsewhere(), TAG_TTL: "0" });
    expect(await entrepot(other.dataDir, ["import", archive])).toMatchObject({ code: 0 });
    return { there, other, image, name: source.name };
  }

  it("is what its registry says of it, or that there is none, as soon as that can be asked", async () => {
    const { there, other, image, name } = await imported(undefined);
    const [, none] = await pull(other, name, image);
    expect(none?.status).toBe(404);
    scene.aheadMs += 10_000;
    const moved = addImage(there.server, "team/app");
    const [, manifest] = await pull(other, name, moved);
    expect(manifest?.headers["docker-content-digest"]).toBe(moved.manifest);
  });

  it("is nobody's any more once its registry has refused everybody, also when that is gone later", async () => {
    const users = { bob: "CANARY-bob" };
    const { there, other, image, name } = await imported((origin) => ({
      ...{ kind: "bearer", realm: `${origin}/token`, users, anonymous: true, pulls: [] },
    }));
    addImage(there.server, "team/app");
    there.server.misbehave({ path: /\/manifests\// }, answering(403));
    const token = (await authorization(other, name, "team/app")) ?? "none";
    const headers = { accept: manifestType, authorization: token };
    const path = `/v2/team/app/manifests/${image.tag}`;
    expect((await viaProxy(other, name, path, { headers })).status).toBe(403);
    await there.server.close();
    scene.names.clear();
    const gone = await viaProxy(other, name, path, { headers });
    expect(gone.status).toBeGreaterThanOrEqual(400);
  });

  it("is shown as imported", async () => {
    const { other, name } = await imported(undefined);
    const shown = await entrepot(other.dataDir, ["show", `${name}/team/app:1`]);
    expect(shown.out).toMatch(/where from +imported\n/);
    expect((await entrepot(other.dataDir, ["ls"])).out).toContain(`${name}/team/app:1 `);
  });
});

/** A layout in a folder, of which the test then spoils something. */
async function layoutOf(image: PushedImage, names: object = {}): Promise<string> {
  const blobs = join(folder, "blobs/sha256");
  await mkdir(blobs, { recursive: true });
  for (const bytes of [image.manifest, image.layer, Buffer.from("{}")])
    await writeFile(join(blobs, digestHex(digestOf(bytes))), bytes);
  const { manifest, digest } = image;
  await writeList({ mediaType: ociManifest, digest, size: manifest.length, annotations: names });
  await writeFile(join(folder, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  return folder;
}

async function writeList(...manifests: readonly object[]): Promise<void> {
  await writeFile(join(folder, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
}

/** Files in a tar archive, in this order. */
function tarOf(...files: readonly (readonly [string, Buffer, string?])[]): Buffer {
  const parts = files.flatMap(([path, bytes, type]) => {
    const header = printTarHeader({ path, size: bytes.length });
    if (type !== undefined) {
      header.write(type, 156);
      header.write("        ", 148);
      const sum = header.reduce((total, byte) => total + byte, 0);
      header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    }
    return [header, bytes, Buffer.alloc(tarPadding(bytes.length))];
  });
  return Buffer.concat([...parts, Buffer.alloc(1_024)]);
}

describe("a layout or archive that is not what it says", () => {
  it("is refused with a sentence, and nothing of it is kept", async () => {
    const program = await scene.start(hosting);
    const image = newImage({}, 5_000);
    const hex = digestHex(image.layerDigest);
    const layer = join(folder, "blobs/sha256", hex);
    const attempt = async (path: string, words: RegExp, as = `${host}/team/app:1`) => {
      const { code, err } = await entrepot(program.dataDir, ["import", path, "--as", as]);
      expect([code, err]).toEqual([1, expect.stringMatching(words)]);
      expect(err).toMatch(/^entrepot: [^\n]+\n$/);
    };
    await attempt(folder, /cannot be read: ENOENT/);
    await layoutOf(image);
    await writeFile(layer, Buffer.alloc(5_000));
    await attempt(folder, /the bytes sent are not those of sha256:/);
    await truncate(layer, 10);
    await attempt(folder, /has 10 bytes of sha256:\w+, and its image needs 5000/);
    await rm(layer);
    await attempt(folder, /lacks the blob sha256:/);
    await symlink("/etc/passwd", layer);
    await attempt(folder, /is no plain file, and is not read/);
    await rm(layer);
    spawnSync("mkfifo", [layer]);
    await attempt(folder, /is no plain file, and is not read/);
    await writeFile(join(folder, "blobs/sha256", digestHex(image.digest)), "{}");
    await attempt(folder, /has 2 bytes of the manifest/);
    await writeList({ mediaType: ociManifest, digest: "sha256:../../../etc/passwd", size: 1 });
    await attempt(folder, /index\.json that makes no sense/);
    await writeFile(join(folder, "index.json"), `{"manifests":${"[".repeat(100_000)}`);
    await attempt(folder, /index\.json that makes no sense/);
    await writeFile(join(folder, "index.json"), '{"manifests":[]}');
    await attempt(folder, /lists no image/);

    await writeFile(archive, gzipSync(tarOf(["index.json", Buffer.from("{}")])));
    await attempt(archive, /is packed; unpack it first: gunzip -k /);
    await writeFile(archive, "no archive");
    await attempt(archive, /is no tar archive, or an empty one/);
    await writeFile(archive, tarOf(["../../etc/cron.d/evil", Buffer.from("* * * * *")]));
    await attempt(archive, /is no image layout/);
    const marker = ["oci-layout", Buffer.from("{}")] as const;
    await writeFile(archive, tarOf(marker, ["index.json", Buffer.from("/etc/passwd"), "2"]));
    await attempt(archive, /index\.json in \S+ is no plain file/);
    await writeFile(archive, tarOf(marker, marker));
    await attempt(archive, /has "oci-layout" twice/);
    expect((await new HostedClient(program, host).get("/v2/_catalog")).body.toString()).toBe(
      '{"repositories":[]}',
    );
    expect(await readdir(join(program.dataDir, "uploads"))).toEqual([]);
  });

  it.each([
    ["by its spelling", "../operators/config.json"],
    ["by an absolute name", "/operators/config.json"],
    ["by a link on the way", "sub/config.json"],
  ])(
    "leads to no file of the machine %s: what it calls its config is pushed to nobody",
    async (_how, config) => {
      const program = await scene.start(hosting);
      const operators = join(scene.folder, "operators");
      await mkdir(operators);
      await mkdir(folder);
      await writeFile(join(operators, "config.json"), '{"auths":{"x":{"auth":"CANARY-login"}}}');
      await symlink(operators, join(folder, "sub"));
      const listed = [{ Config: config, RepoTags: [`${host}/team/app:1`], Layers: [] }];
      await writeFile(join(folder, "manifest.json"), JSON.stringify(listed));
      const { code, err } = await entrepot(program.dataDir, ["import", folder]);
      expect([code, err]).toEqual([1, expect.stringMatching(/is no plain file|lacks "/)]);
      expect((await new HostedClient(program, host).get("/v2/_catalog")).body.toString()).toBe(
        '{"repositories":[]}',
      );
    },
  );

  it("needs a name from somebody where it has none, and is cached under none that it only invents", async () => {
    const program = await scene.start(hosting);
    const image = newImage();
    await layoutOf(image, { "org.opencontainers.image.ref.name": "1.0" });
    const unnamed = await entrepot(program.dataDir, ["import", folder]);
    expect([unnamed.code, unnamed.err]).toEqual([
      1,
      expect.stringContaining('repository "1.0" is of'),
    ]);
    await entrepot(program.dataDir, ["import", folder, "--as", `${host}/team/app`]);
    const client = new HostedClient(program, host);
    expect((await client.get("/v2/team/app/manifests/1.0")).status).toBe(200);

    const config = Buffer.from(JSON.stringify({ rootfs: { diff_ids: [image.layerDigest] } }));
    const list = [{ Config: "c.json", RepoTags: ["alpine:3"], Layers: ["l/layer.tar"] }];
    const files = [
      ["c.json", config],
      ["l/layer.tar", image.layer],
      ["manifest.json", Buffer.from(JSON.stringify(list))],
    ] as const;
    await writeFile(archive, tarOf(...files));
    const cached = await entrepot(program.dataDir, ["import", archive]);
    expect([cached.code, cached.err]).toEqual([1, expect.stringContaining("keeps no manifests")]);
    const pushed = await entrepot(program.dataDir, ["import", archive, "--as", `${host}/alpine:3`]);
    expect([pushed.code, pushed.err]).toEqual([0, ""]);
    const layer = await client.get(`/v2/alpine/blobs/${image.layerDigest}`);
    expect(layer.body.equals(image.layer)).toBe(true);
  });
});

/** As distribution keeps it. */
async function keepInRegistry(root: string, repository: string, image: PushedImage, tag?: string) {
  const v2 = join(root, "docker/registry/v2");
  const put = async (path: string, bytes: Buffer | string): Promise<void> => {
    await mkdir(dirname(join(v2, path)), { recursive: true });
    await writeFile(join(v2, path), bytes);
  };
  for (const bytes of [image.manifest, image.layer, Buffer.from("{}")]) {
    const hex = digestHex(digestOf(bytes));
    await put(`blobs/sha256/${hex.slice(0, 2)}/${hex}/data`, bytes);
    await put(`repositories/${repository}/_layers/sha256/${hex}/link`, `sha256:${hex}`);
  }
  const folderOf = `repositories/${repository}/_manifests`;
  await put(`${folderOf}/revisions/sha256/${digestHex(image.digest)}/link`, image.digest);
  if (tag !== undefined) await put(`${folderOf}/tags/${tag}/current/link`, image.digest);
  return {
    layer: join(
      v2,
      `blobs/sha256/${digestHex(image.layerDigest).slice(0, 2)}/${digestHex(image.layerDigest)}/data`,
    ),
  };
}

describe("the folder of distribution's registry", () => {
  it("becomes what was pushed here, every byte hashed, and what is damaged is named", async () => {
    const program = await scene.start(hosting);
    const root = join(scene.folder, "registry");
    const [tagged, untagged, damaged] = [newImage(), newImage(), newImage()] as const;
    await keepInRegistry(root, "team/app", tagged, "1");
    await keepInRegistry(root, "team/app", untagged);
    const { layer } = await keepInRegistry(root, "other", damaged, "bad");
    await writeFile(layer, Buffer.alloc(damaged.layer.length));
    const dry = await entrepot(program.dataDir, ["import-registry", root, "--dry-run"]);
    expect(dry.out).toContain("team/app: 1 tag, 2 images, 2.0 KiB\n");
    const client = new HostedClient(program, host);
    expect((await client.get("/v2/_catalog")).body.toString()).toBe('{"repositories":[]}');
    const done = await entrepot(program.dataDir, ["import-registry", root]);
    expect([done.code, done.err]).toEqual([
      1,
      expect.stringContaining(`left out other:bad@${damaged.digest}`),
    ]);
    expect((await client.get("/v2/team/app/manifests/1")).body.equals(tagged.manifest)).toBe(true);
    expect((await client.get(`/v2/team/app/manifests/${untagged.digest}`)).status).toBe(200);
    expect((await client.get(`/v2/team/app/blobs/${tagged.layerDigest}`)).status).toBe(200);
    expect((await client.get("/v2/other/manifests/bad")).status).toBe(404);
    const wrong = await entrepot(program.dataDir, ["import-registry", scene.folder]);
    expect([wrong.code, wrong.err]).toEqual([
      1,
      expect.stringContaining("is no folder of a registry"),
    ]);
  });

  it("becomes the cache of the registry that it stood before, pulled where nobody can be asked", async () => {
    const settings = { REGISTRIES: "elsewhere.test" };
    const program = await otherMachine(settings);
    const root = join(scene.folder, "registry");
    const image = newImage();
    await keepInRegistry(root, "team/app", image, "1");
    const as = ["import-registry", root, "--as-cache-of", "elsewhere.test"];
    expect(await entrepot(program.dataDir, as)).toMatchObject({ code: 0, err: "" });
    const headers = { accept: ociManifest };
    const path = "/v2/elsewhere.test/team/app";
    const manifest = await direct(program, `${path}/manifests/1`, { headers });
    expect([manifest.status, manifest.body.equals(image.manifest)]).toEqual([200, true]);
    const layer = await direct(program, `${path}/blobs/${image.layerDigest}`);
    expect(layer.body.equals(image.layer)).toBe(true);
  });
});
