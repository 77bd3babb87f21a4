/** Pushes on bad days: a disk that is full, sessions without end, a crash, a page of somebody else. */
import { cp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { digestOf } from "../../src/protocol/digest.ts";
import { nodeFileSystem, type OpenFile } from "../../src/store/disk/file-system.ts";
import { eventually } from "../support/eventually.ts";
import { type Answer, dial, direct } from "./support/client.ts";
import { codeOf, HostedClient, messageOf, newImage } from "./support/hosted.ts";
import { type Program, Scene } from "./support/program.ts";

const host = "registry.lan";
const open = { HOSTED_HOSTS: host, HOSTED_ANONYMOUS_PUSH: "true" };

async function openRegistry() {
  const scene = await Scene.open();
  const disk = { isFull: false, isBroken: false };
  scene.fs = {
    ...nodeFileSystem,
    open: async (path, flags, mode) => {
      if (disk.isBroken && path.endsWith(".upload")) throw systemError("EIO");
      return fillable(await nodeFileSystem.open(path, flags, mode), () => disk.isFull);
    },
  };
  const program = await scene.start(open);
  return { scene, disk, program, client: new HostedClient(program, host) };
}

/** Half of what is written still lands on a volume that fills up. */
function fillable(file: OpenFile, isFull: () => boolean): OpenFile {
  return {
    read: (buffer, offset, length, position) => file.read(buffer, offset, length, position),
    write: async (buffer, offset, length, position) => {
      if (!isFull()) return file.write(buffer, offset, length, position);
      await file.write(buffer, offset, length >> 1, position);
      throw systemError("ENOSPC");
    },
    stat: () => file.stat(),
    truncate: (length) => file.truncate(length),
    sync: () => file.sync(),
    close: () => file.close(),
  };
}

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

async function begin(client: HostedClient, repository: string): Promise<string> {
  return String((await client.post(`/v2/${repository}/blobs/uploads/`)).headers.location);
}

function patch(client: HostedClient, path: string, body: Buffer): Promise<Answer> {
  return client.ask(path, { method: "PATCH", body });
}

function finish(client: HostedClient, path: string, bytes: Buffer): Promise<Answer> {
  const headers = { "content-length": "0" };
  return client.ask(`${path}?digest=${digestOf(bytes)}`, { method: "PUT", headers });
}

function uploadsOf({ dataDir }: Program): Promise<string[]> {
  return readdir(join(dataDir, "uploads"));
}

function blobsOf({ dataDir }: Program): Promise<string[]> {
  return readdir(join(dataDir, "blobs"), { recursive: true });
}

describe("a disk that is full", () => {
  it("in the middle of an upload is 507, and once there is room the upload goes on where it was", async () => {
    const { disk, program, client } = await openRegistry();
    const { layer, layerDigest } = newImage();
    const path = await begin(client, "a");
    await patch(client, path, layer.subarray(0, 600));
    disk.isFull = true;
    const refused = await patch(client, path, layer.subarray(600));
    expect([refused.status, messageOf(refused)]).toEqual([507, expect.stringContaining("full")]);
    expect((await client.get(path)).headers.range).toBe("0-599");
    expect((await client.head(`/v2/a/blobs/${layerDigest}`)).status).toBe(404);
    disk.isFull = false;
    expect((await patch(client, path, layer.subarray(600))).status).toBe(202);
    expect((await finish(client, path, layer)).status).toBe(201);
    expect((await client.get(`/v2/a/blobs/${layerDigest}`)).body.equals(layer)).toBe(true);
    expect(await uploadsOf(program)).toEqual([]);
  });

  it("while a blob comes in one request is 507, nothing of it stays, and the next push works", async () => {
    const { disk, program, client } = await openRegistry();
    const image = newImage();
    disk.isFull = true;
    expect((await client.pushBlob("a", image.layer)).status).toBe(507);
    await eventually(async () => expect(await uploadsOf(program)).toEqual([]));
    expect((await blobsOf(program)).filter((name) => name.includes("."))).toEqual([]);
    disk.isFull = false;
    expect((await client.push("a", "1", image)).status).toBe(201);
  });

  it("at the manifest is 507, no tag points to it, and the next push works", async () => {
    const { disk, program, client } = await openRegistry();
    const image = newImage();
    await client.push("a", "other", image);
    const { manifest, digest } = newImage({ annotations: { of: "the full disk" }, layers: [] });
    disk.isFull = true;
    expect((await client.pushManifest("a", "1", manifest)).status).toBe(507);
    for (const reference of ["1", digest]) {
      expect((await client.get(`/v2/a/manifests/${reference}`)).status).toBe(404);
    }
    expect(await uploadsOf(program)).toEqual([]);
    expect((await client.get("/v2/a/manifests/other")).body).toEqual(image.manifest);
    disk.isFull = false;
    expect((await client.pushManifest("a", "1", manifest)).status).toBe(201);
    expect((await client.get("/v2/a/manifests/1")).body).toEqual(manifest);
  });
});

describe("a folder that is damaged", () => {
  it("without its uploads, removed while it runs, takes the next push", async () => {
    const { program, client } = await openRegistry();
    await rm(join(program.dataDir, "uploads"), { recursive: true });
    expect((await client.push("a", "1", newImage())).status).toBe(201);
  });

  it("where no upload can begin is told of by /readyz", async () => {
    const { disk, program, client } = await openRegistry();
    disk.isBroken = true;
    expect((await client.post("/v2/a/blobs/uploads/")).status).toBe(503);
    const { body } = await direct(program, "/readyz");
    expect(JSON.parse(body.toString())).toMatchObject({
      status: "degraded",
      reasons: [expect.stringContaining("EIO")],
    });
  });
});

describe("upload sessions", () => {
  it("of one client who never ends any are 429 from some point on, until one is ended", async () => {
    const { client } = await openRegistry();
    const paths: string[] = [];
    for (let count = 0; count < 256; count += 64) {
      paths.push(...(await Promise.all(Array.from({ length: 64 }, () => begin(client, "a")))));
    }
    const refused = await client.post("/v2/a/blobs/uploads/");
    expect([refused.status, codeOf(refused)]).toEqual([429, "TOOMANYREQUESTS"]);
    expect((await client.delete(paths[0] ?? "")).status).toBe(204);
    expect((await client.post("/v2/a/blobs/uploads/")).status).toBe(202);
  });

  it("have one writer: a second one at the same time is 409, and spoils nothing", async () => {
    const { program, client } = await openRegistry();
    const bytes = Buffer.from("first,second");
    const path = await begin(client, "a");
    const socket = await dial(program.port);
    const head = `PATCH ${path} HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    socket.write(`${head}6\r\nfirst,\r\n`);
    await eventually(async () => expect((await client.get(path)).headers.range).toBe("0-5"));
    const second = await patch(client, path, Buffer.from("other"));
    expect([second.status, codeOf(second)]).toEqual([409, "BLOB_UPLOAD_INVALID"]);
    expect((await finish(client, path, bytes)).status).toBe(409);
    socket.write("6\r\nsecond\r\n0\r\n\r\n");
    await eventually(async () => expect((await finish(client, path, bytes)).status).toBe(201));
    socket.destroy();
    expect((await client.get(`/v2/a/blobs/${digestOf(bytes)}`)).body.equals(bytes)).toBe(true);
  });

  it("take nothing of a piece whose range ends before it begins", async () => {
    const { client } = await openRegistry();
    const path = await begin(client, "a");
    await patch(client, path, Buffer.from("abc"));
    const headers = { "content-range": "3-1" };
    const refused = await client.ask(path, { method: "PATCH", headers, body: "def" });
    expect([refused.status, codeOf(refused)]).toEqual([416, "RANGE_INVALID"]);
    expect((await client.get(path)).headers.range).toBe("0-2");
  });

  it("of a client who leaves in the middle of a push in one request do not stay", async () => {
    const { program } = await openRegistry();
    const socket = await dial(program.port);
    const path = `/v2/a/blobs/uploads/?digest=${digestOf(Buffer.from("all of it"))}`;
    socket.write(`POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 9\r\n\r\nall`);
    await eventually(async () => expect(await uploadsOf(program)).toHaveLength(1));
    socket.destroy();
    await eventually(async () => expect(await uploadsOf(program)).toEqual([]));
  });

  it("that a crash ended are unknown after it, and their bytes are swept", async () => {
    const { scene, program, client } = await openRegistry();
    const path = await begin(client, "a");
    await patch(client, path, Buffer.from("half of a layer"));
    expect(await uploadsOf(program)).toHaveLength(1);
    // What lies on the disk at this moment, with nothing closed.
    const DATA_DIR = join(scene.folder, "killed");
    await cp(program.dataDir, DATA_DIR, { recursive: true, filter: isNoSocket });
    const after = await scene.start({ ...open, DATA_DIR });
    const asked = await new HostedClient(after, host).get(path);
    expect([asked.status, codeOf(asked)]).toEqual([404, "BLOB_UPLOAD_UNKNOWN"]);
    expect(await uploadsOf(after)).toEqual([]);
  });
});

function isNoSocket(path: string): boolean {
  return !path.endsWith(".sock");
}

describe("a page of somebody else in a browser", () => {
  it.each([
    ["another site", { "sec-fetch-site": "cross-site" }],
    ["another origin", { origin: "https://evil.example" }],
  ])("of %s neither pushes, nor deletes, nor reads under a hosted name", async (_, headers) => {
    const { program, client } = await openRegistry();
    const image = newImage();
    await client.push("a", "1", image);
    const page = new HostedClient(program, host, headers);
    const answers = [
      await page.post("/v2/a/blobs/uploads/"),
      await page.pushBlob("a", Buffer.from("evil")),
      await page.pushManifest("a", "2", image.manifest),
      await page.delete("/v2/a/manifests/1"),
      await page.delete(`/v2/a/manifests/${image.digest}`),
      await page.get("/v2/a/manifests/1"),
    ];
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(403));
    const tags = await client.get("/v2/a/tags/list");
    expect(tags.body.toString()).toBe('{"name":"a","tags":["1"]}');
  });
});
