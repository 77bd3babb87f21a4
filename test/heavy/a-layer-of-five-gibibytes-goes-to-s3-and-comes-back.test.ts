import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Entrepot, startEntrepot } from "../journeys/support/entrepot.ts";
import { eventually } from "../support/eventually.ts";
import { temporaryFolder } from "../support/temp-folder.ts";
import { hasVersity, Versity } from "../support/versity.ts";

const MiB = 1024 ** 2;
/** In MiB; a multiple of 64. */
const size = Number(process.env.HEAVY_MIB ?? 5 * 1024) * MiB;
const limitMs = 1_500_000;
const piece = randomBytes(64 * MiB);
const login = { accessKey: "entrepot", secretKey: "CANARY-s3-secret" };

/** The same piece again and again: no memory holds five gibibytes. */
function* bytes(start: number, end: number): Generator<Buffer> {
  for (let position = start; position < end; ) {
    const from = position % piece.length;
    const part = piece.subarray(from, from + Math.min(MiB, piece.length - from, end - position));
    yield part;
    position += part.length;
  }
}

const sent = { bytes: 0 };

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (!request.url?.includes("/blobs/")) return void response.end("{}");
  const [, first = "0", last = ""] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? "") ?? [];
  const [start, end] = [Number(first), last === "" ? size : Number(last) + 1];
  const isPart = request.headers.range !== undefined;
  if (isPart) response.setHeader("content-range", `bytes ${start}-${end - 1}/${size}`);
  response.writeHead(isPart ? 206 : 200, { "content-length": end - start });
  if (request.method === "HEAD") return void response.end();
  sent.bytes += end - start;
  await pipeline(Readable.from(bytes(start, end), { objectMode: false }), response);
}

describe.skipIf(!hasVersity)("a layer of 5 GiB with S3 behind a disk of one", () => {
  let s3: Versity;
  let registry: Server;
  let entrepot: Entrepot;
  let path = "";
  let digest = "";
  beforeAll(async () => {
    // Before there is a connection that could grow old meanwhile.
    const hash = createHash("sha256");
    for (const part of bytes(0, size)) hash.update(part);
    digest = `sha256:${hash.digest("hex")}`;
    const folder = await temporaryFolder();
    s3 = await Versity.start(join(folder, "s3"), login);
    registry = createServer((request, response) => {
      answer(request, response).catch(() => response.destroy());
    }).listen(0, "127.0.0.1");
    await once(registry, "listening");
    const host = `127.0.0.1:${(registry.address() as AddressInfo).port}`;
    entrepot = await startEntrepot(folder, {
      ...{ STORE: `s3://images?endpoint=${s3.url}`, S3_ACCESS_KEY: login.accessKey },
      ...{ S3_SECRET_KEY: login.secretKey, LOG_LEVEL: "debug", CACHE_MAX_SIZE: "32 MiB" },
      ...{ REGISTRIES: `http://${host}`, UPSTREAM_ALLOW_ADDRESSES: "127.0.0.0/8" },
    });
    path = `${entrepot.proxy}/v2/${host}/app/blobs/${digest}`;
  }, limitMs);
  afterAll(async () => {
    await entrepot?.stop();
    await s3?.kill();
    registry?.close();
  });

  async function pulled(): Promise<string> {
    const { body } = await fetch(path);
    const hash = createHash("sha256");
    for await (const part of body ?? []) hash.update(part as Uint8Array);
    return `sha256:${hash.digest("hex")}`;
  }

  const told = (message: string): Promise<boolean> =>
    eventually(() => entrepot.lines.some((line) => line.includes(message)), {
      ...{ withinMs: limitMs, everyMs: 200 },
    });

  it(
    "goes there and comes back, in 300 MiB of memory, and costs the registry one",
    async () => {
      expect(await pulled()).toBe(digest);
      await told("put a blob into the archive");
      await told("made room by forgetting a blob");
      expect(await pulled()).toBe(digest);
      expect(sent.bytes).toBe(size);
      const status = await readFile(`/proc/${entrepot.pid}/status`, "utf8");
      const most = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
      process.stdout.write(
        `${size / MiB} MiB into S3 and out again: ${most.toFixed(0)} MiB at most\n`,
      );
      expect(most).toBeLessThanOrEqual(300);
    },
    limitMs,
  );
});
