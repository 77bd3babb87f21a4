/** A backup of what was pushed, taken while pushes go on, and what is made of it afterwards. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { hashSync } from "bcryptjs";
import { beforeEach, describe, expect, it } from "vitest";
import { digestHex } from "../../src/protocol/digest.ts";
import { eventually } from "../support/eventually.ts";
import { viaProxy } from "./support/client.ts";
import { HostedClient, newImage, type PushedImage } from "./support/hosted.ts";
import { addImage } from "./support/image.ts";
import { type Program, Scene } from "./support/program.ts";

const main = fileURLToPath(new URL("../../src/app/main.js", import.meta.url));
const host = "registry.lan";
const hosting = { HOSTED_HOSTS: host, HOSTED_ANONYMOUS_PUSH: "true" };

let scene: Scene;
let backup = "";
let restored = "";

beforeEach(async () => {
  scene = await Scene.open();
  backup = join(scene.folder, "backup");
  restored = join(scene.folder, "restored");
});

function command(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [main, ...args], {
    ...{ cwd: scene.folder, env: { PATH: process.env.PATH ?? "" } },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function entrepot(...args: readonly string[]) {
  const child = command(args);
  const output = { out: "", err: "" };
  child.stdout?.on("data", (piece) => (output.out += String(piece)));
  child.stderr?.on("data", (piece) => (output.err += String(piece)));
  const [code] = await once(child, "close");
  return { code: Number(code), ...output };
}

/** Ends it as kill -9 does, in the moment in which this folder is made. */
async function killedOnce(path: string, args: readonly string[]): Promise<void> {
  const child = command(args);
  const ended = once(child, "close");
  while (!existsSync(path) && child.exitCode === null) await nextTurn();
  child.kill("SIGKILL");
  const [, signal] = await ended;
  expect(signal).toBe("SIGKILL");
}

function pathOf(folder: string, { layer, layerDigest }: PushedImage): string {
  const hex = digestHex(layerDigest);
  return join(folder, "blobs/sha256", hex.slice(0, 2), `${hex}.${layer.length}`);
}

async function pulls(program: Program, repository: string, image: PushedImage): Promise<boolean> {
  const client = new HostedClient(program, host);
  const manifest = await client.get(`/v2/${repository}/manifests/${image.digest}`);
  const layer = await client.get(`/v2/${repository}/blobs/${image.layerDigest}`);
  return manifest.body.equals(image.manifest) && layer.body.equals(image.layer);
}

/** A backup whose taker has read where the records are, and does nothing more. */
async function holding({ dataDir }: Program): Promise<IncomingMessage> {
  const asked = request({
    ...{ socketPath: join(dataDir, "control.sock"), path: "/api/v1/backups", method: "POST" },
    headers: { host: "localhost", "content-type": "application/json", "content-length": 2 },
  });
  asked.end("{}");
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  await once(answer, "data");
  return answer;
}

describe("a backup", () => {
  it("taken of a server that runs is, once restored, that registry with its keys and nothing cached", async () => {
    const registry = await scene.registry("hub.test");
    const cached = addImage(registry.server, "team/cached");
    const htpasswd = join(scene.folder, "htpasswd");
    await writeFile(htpasswd, `ci:${hashSync("CANARY-ci", 4)}\n`);
    const settings = { HOSTED_HOSTS: host, HOSTED_HTPASSWD: htpasswd, REGISTRIES: registry.name };
    const program = await scene.start(settings);
    const login = { authorization: `Basic ${Buffer.from("ci:CANARY-ci").toString("base64")}` };
    const client = new HostedClient(program, host, login);
    const images = [newImage(), newImage({}, 300_000)] as const;
    await client.push("team/a", "1", images[0]);
    await client.push("team/b", "latest", images[1]);
    await viaProxy(program, registry.name, `/v2/team/cached/blobs/${cached.layer}`);
    const token = JSON.parse(
      (await client.get("/token?scope=repository:team/a:pull")).body.toString(),
    ) as { token?: string };
    const { code, out, err } = await entrepot("backup", backup);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain(`2 images, 5 blobs`);
    expect((await stat(backup)).mode & 0o777).toBe(0o700);
    await client.push("team/a", "2", newImage());
    await program.stop();

    expect(await entrepot("restore", backup, "--data-dir", restored)).toMatchObject({ code: 0 });
    const files = await readdir(join(restored, "blobs"), { recursive: true });
    expect(files.filter((name) => name.includes("."))).toHaveLength(5);
    const after = await scene.start({ ...settings, DATA_DIR: restored });
    expect(after.ca).toBe(program.ca);
    const asked = new HostedClient(after, host, login);
    expect((await asked.get("/v2/team/a/tags/list")).body.toString()).toBe(
      '{"name":"team/a","tags":["1"]}',
    );
    for (const [repository, image] of [
      ["team/a", images[0]],
      ["team/b", images[1]],
    ] as const) {
      const layer = await asked.get(`/v2/${repository}/blobs/${image.layerDigest}`);
      expect(layer.body.equals(image.layer)).toBe(true);
    }
    if (token.token !== undefined) {
      const bearer = { authorization: `Bearer ${token.token}` };
      const pulled = await new HostedClient(after, host, bearer).get("/v2/team/a/manifests/1");
      expect(pulled.status).toBe(200);
    }
  });

  it("is taken of a folder that no server has, and leaves it as it was", async () => {
    const program = await scene.start(hosting);
    const image = newImage();
    await new HostedClient(program, host).push("a", "1", image);
    await program.stop();
    const before = (await readdir(program.dataDir)).sort();
    await mkdir(backup, { mode: 0o755 });
    expect(await entrepot("backup", backup)).toMatchObject({ code: 0 });
    expect((await stat(backup)).mode & 0o777).toBe(0o700);
    expect((await readdir(program.dataDir)).sort()).toEqual(before);
    await entrepot("restore", backup, "--data-dir", restored);
    expect(await pulls(await scene.start({ ...hosting, DATA_DIR: restored }), "a", image)).toBe(
      true,
    );
  });

  it("keeps what is deleted while it is taken, and lets it go when its taker has gone", async () => {
    const program = await scene.start({ ...hosting, CACHE_MAX_SIZE: "1 MiB" });
    const client = new HostedClient(program, host);
    const [image, other] = [newImage({}, 2_000_000), newImage({}, 2_000_000)];
    await client.push("a", "1", image);
    await client.push("a", "2", other);
    const taker = await holding(program);
    for (const one of [image, other]) {
      expect((await client.delete(`/v2/a/manifests/${one.digest}`)).status).toBe(202);
      expect((await client.delete(`/v2/a/blobs/${one.layerDigest}`)).status).toBe(202);
    }
    expect(await entrepot("backup", backup)).toMatchObject({ code: 0 });
    expect(existsSync(pathOf(program.dataDir, image))).toBe(true);
    // The server takes its copy of the command's backup away once it sees it gone.
    await eventually(async () =>
      expect(await readdir(join(program.dataDir, "partial"))).toHaveLength(1),
    );
    taker.destroy();
    await eventually(async () =>
      expect(await readdir(join(program.dataDir, "partial"))).toEqual([]),
    );
    await eventually(async () => {
      // What comes makes room.
      await client.pushBlob("a", randomBytes(1_000));
      const left = [image, other].filter((one) => existsSync(pathOf(program.dataDir, one)));
      expect(left.length).toBeLessThan(2);
    });
  });

  it("that is killed in the middle is none, and holds nothing up", async () => {
    const program = await scene.start(hosting);
    const client = new HostedClient(program, host);
    for (let count = 0; count < 10; count += 1) {
      await client.push("a", String(count), newImage({}, 8_000_000));
    }
    await killedOnce(join(backup, "blobs/sha256"), ["backup", backup]);
    expect(await readdir(backup)).not.toContain("BACKUP");
    const tried = await entrepot("restore", backup, "--data-dir", restored);
    expect([tried.code, tried.err]).toEqual([1, expect.stringContaining("is no backup")]);
    expect(existsSync(restored)).toBe(false);
    await eventually(async () =>
      expect(await readdir(join(program.dataDir, "partial"))).toEqual([]),
    );
    const again = await entrepot("backup", backup);
    expect([again.code, again.err]).toEqual([1, expect.stringContaining("is not empty")]);
  });

  it("whose server ends in the middle of it fails, and leaves nothing", async () => {
    const program = await scene.start(hosting);
    const client = new HostedClient(program, host);
    for (let count = 0; count < 10; count += 1) {
      await client.push("a", String(count), newImage({}, 8_000_000));
    }
    const taking = entrepot("backup", backup);
    await eventually(() => expect(existsSync(join(backup, "blobs/sha256"))).toBe(true));
    await program.stop();
    const { code, err } = await taking;
    expect([code, err]).toEqual([1, expect.stringContaining("the server ended in the middle")]);
    expect(await readdir(backup)).toEqual([]);
  });

  it("says which blobs are damaged or gone, has the others, and ends with 1", async () => {
    const program = await scene.start(hosting);
    const client = new HostedClient(program, host);
    const [whole, damaged, gone] = [newImage(), newImage(), newImage()];
    await client.push("a", "1", whole);
    await client.push("team/b", "1", damaged);
    await client.push("c", "1", gone);
    const path = pathOf(program.dataDir, damaged);
    await writeFile(path, Buffer.alloc(damaged.layer.length));
    await rm(pathOf(program.dataDir, gone));
    const { code, err } = await entrepot("backup", backup);
    expect(code).toBe(1);
    expect(err).toContain("2 blobs are damaged or gone; push again what needs them:");
    expect(err).toContain(`${damaged.layerDigest} of team/b`);
    expect(err).toContain(`${gone.layerDigest} of c`);
    await program.stop();
    expect((await entrepot("restore", backup, "--data-dir", restored)).code).toBe(1);
    const after = await scene.start({ ...hosting, DATA_DIR: restored });
    expect(await pulls(after, "a", whole)).toBe(true);
    const asked = new HostedClient(after, host);
    expect((await asked.head(`/v2/team/b/blobs/${damaged.layerDigest}`)).status).toBe(404);
    await asked.push("team/b", "1", damaged);
    expect(await pulls(after, "team/b", damaged)).toBe(true);
  });
});

describe("a restore", () => {
  it("refuses a folder that a server has, and one that is not empty, and changes nothing", async () => {
    const program = await scene.start(hosting);
    await new HostedClient(program, host).push("a", "1", newImage());
    await entrepot("backup", backup);
    const running = await entrepot("restore", backup);
    expect([running.code, running.err]).toEqual([
      1,
      expect.stringContaining("is in use by process"),
    ]);
    await program.stop();
    const key = await readFile(join(program.dataDir, "ca/ca.key"));
    const stopped = await entrepot("restore", backup);
    expect([stopped.code, stopped.err]).toEqual([1, expect.stringContaining("move it away first")]);
    expect(await readFile(join(program.dataDir, "ca/ca.key"))).toEqual(key);
  });

  it("that is killed in the middle keeps every start out, until it is done again", async () => {
    const program = await scene.start(hosting);
    const client = new HostedClient(program, host);
    const images = Array.from({ length: 10 }, () => newImage({}, 8_000_000));
    for (const [index, image] of images.entries()) await client.push("a", String(index), image);
    await entrepot("backup", backup);
    await program.stop();
    const args = ["restore", backup, "--data-dir", restored];
    await killedOnce(join(restored, "blobs/sha256"), args);
    await expect(scene.start({ ...hosting, DATA_DIR: restored })).rejects.toThrow(
      "was broken off; run entrepot restore again",
    );
    expect(await entrepot(...args)).toMatchObject({ code: 0 });
    const after = await scene.start({ ...hosting, DATA_DIR: restored });
    for (const image of images) expect(await pulls(after, "a", image)).toBe(true);
  });

  it("of a backup whose records were cut short says so, and restores nothing", async () => {
    const program = await scene.start(hosting);
    await new HostedClient(program, host).push("a", "1", newImage());
    await entrepot("backup", backup);
    await truncate(join(backup, "hosted.sqlite"), 5_000);
    const { code, err } = await entrepot("restore", backup, "--data-dir", restored);
    expect([code, err]).toEqual([1, expect.stringContaining("hosted.sqlite cannot be read")]);
    await expect(scene.start({ ...hosting, DATA_DIR: restored })).rejects.toThrow("broken off");
  });

  it("takes a backup from another disk, and leaves it as it was", async () => {
    const program = await scene.start(hosting);
    const image = newImage();
    await new HostedClient(program, host).push("a", "1", image);
    await entrepot("backup", backup);
    await program.stop();
    const elsewhere = join(scene.folder, "elsewhere");
    await cp(backup, elsewhere, { recursive: true });
    const before = await readdir(elsewhere, { recursive: true });
    expect(await entrepot("restore", elsewhere, "--data-dir", restored)).toMatchObject({ code: 0 });
    expect(await readdir(elsewhere, { recursive: true })).toEqual(before);
    expect(await pulls(await scene.start({ ...hosting, DATA_DIR: restored }), "a", image)).toBe(
      true,
    );
  });
});
