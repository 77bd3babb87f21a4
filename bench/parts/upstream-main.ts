/**
 * The bench's upstream registry over TLS. The first part of a repository's name says how it behaves:
 * `fast/…`, `rate100/…` (100 MB/s in all), `rate10/…`, `cut60/…` (breaks once at 60 %),
 * `corrupt/…` (one wrong byte, once).
 * Blobs exist for any index: a 1 MiB block repeated, told apart by their first bytes.
 */
import { createHash, type Hash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { setTimeout as pause } from "node:timers/promises";

const block = 1024 * 1024;
const filler = Buffer.alloc(block);
for (let index = 0; index < block; index += 4)
  filler.writeUInt32LE((index * 2654435761) >>> 0, index);

type Blob = { readonly index: number; readonly size: number };
const blobs = new Map<string, Blob>();
const manifests = new Map<string, Buffer>();
const ledger = { requests: [] as string[], bytes: 0 };
const buckets = new Map<string, number>();
const alreadyCut = new Set<string>();
const alreadyCorrupted = new Set<string>();

function chunkOf(blob: Blob, position: number): Buffer {
  const within = position % block;
  if (position >= block)
    return filler.subarray(within, within + Math.min(block - within, blob.size - position));
  const first = Buffer.from(filler);
  first.writeUInt32LE(blob.index, 0);
  return first.subarray(within, Math.min(block, blob.size));
}

function register(index: number, size: number): string {
  const blob = { index, size };
  const hash: Hash = createHash("sha256");
  for (let position = 0; position < size; position += block) hash.update(chunkOf(blob, position));
  const digest = `sha256:${hash.digest("hex")}`;
  blobs.set(digest, blob);
  return digest;
}

function image(index: number, size: number): { manifest: string; blob: string } {
  const blob = register(index, size);
  const config = register(index + 1_000_000, 1500);
  const value = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: config, size: 1500 },
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", digest: blob, size }],
  };
  const bytes = Buffer.from(JSON.stringify(value));
  const manifest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  manifests.set(manifest, bytes);
  manifests.set(`tag-${index}`, bytes);
  return { manifest, blob };
}

/** Waits until the bucket of this rate has room for `bytes` more. */
async function throttle(rate: string, bytesPerSecond: number, bytes: number): Promise<void> {
  const now = performance.now();
  const free = Math.max(buckets.get(rate) ?? now, now - 20);
  const next = free + (bytes / bytesPerSecond) * 1000;
  buckets.set(rate, next);
  if (next > now + 1) await pause(next - now);
}

const rates: Readonly<Record<string, number>> = { rate100: 100e6, rate10: 10e6 };

async function sendBlob(
  request: IncomingMessage,
  response: ServerResponse,
  digest: string,
): Promise<void> {
  const blob = blobs.get(digest);
  if (blob === undefined) return void response.writeHead(404).end();
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
  const from = Number(range?.[1] ?? 0);
  const end = Math.min(blob.size, Number(range?.[2] || blob.size) + 1);
  response.writeHead(range === null ? 200 : 206, {
    "content-type": "application/octet-stream",
    "content-length": end - from,
    "docker-content-digest": digest,
    ...(range && { "content-range": `bytes ${from}-${end - 1}/${blob.size}` }),
  });
  if (request.method === "HEAD") return void response.end();
  const kind = /^\/v2\/([^/]+)\//.exec(request.url ?? "")?.[1] ?? "fast";
  await sendBody(response, blob, { kind, digest, from, end });
}

async function sendBody(
  response: ServerResponse,
  blob: Blob,
  how: {
    readonly kind: string;
    readonly digest: string;
    readonly from: number;
    readonly end: number;
  },
): Promise<void> {
  const rate = rates[how.kind];
  const step = rate === undefined ? block : 65_536;
  for (let position = how.from; position < how.end && !response.destroyed; ) {
    const chunk = chunkOf(blob, position).subarray(0, Math.min(step, how.end - position));
    if (how.kind === "cut60" && position > blob.size * 0.6 && !alreadyCut.has(how.digest)) {
      alreadyCut.add(how.digest);
      return void response.destroy();
    }
    if (rate !== undefined) await throttle(how.kind, rate, chunk.length);
    position += chunk.length;
    ledger.bytes += chunk.length;
    const sent = how.kind === "corrupt" ? corrupted(how.digest, chunk) : chunk;
    if (!response.write(sent)) await drained(response);
  }
  response.end();
}

/** With its first byte wrong, once for each blob. */
function corrupted(digest: string, chunk: Buffer): Buffer {
  if (alreadyCorrupted.has(digest)) return chunk;
  alreadyCorrupted.add(digest);
  const wrong = Buffer.from(chunk);
  wrong[0] = (wrong[0] ?? 0) ^ 1;
  return wrong;
}

async function drained(response: ServerResponse): Promise<void> {
  if (response.destroyed) return;
  const over = new AbortController();
  const { signal } = over;
  const first = [once(response, "drain", { signal }), once(response, "close", { signal })];
  await Promise.race(first);
  for (const each of first) each.catch(() => undefined);
  over.abort();
}

function sendManifest(request: IncomingMessage, response: ServerResponse, reference: string): void {
  const bytes = manifests.get(reference);
  if (bytes === undefined) return void response.writeHead(404).end();
  response.writeHead(200, {
    "content-type": "application/vnd.oci.image.manifest.v1+json",
    "content-length": bytes.length,
    "docker-content-digest": `sha256:${createHash("sha256").update(bytes).digest("hex")}`,
  });
  response.end(request.method === "HEAD" ? undefined : bytes);
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "https://upstream");
  if (url.pathname === "/make") {
    const made = image(Number(url.searchParams.get("index")), Number(url.searchParams.get("size")));
    return void response.end(JSON.stringify(made));
  }
  if (url.pathname === "/ledger") {
    response.end(JSON.stringify(ledger));
    ledger.requests = [];
    ledger.bytes = 0;
    return;
  }
  ledger.requests.push(`${request.method} ${url.pathname}`);
  const blob = /\/blobs\/(sha256:[0-9a-f]{64})$/.exec(url.pathname)?.[1];
  if (blob !== undefined) return sendBlob(request, response, blob);
  const reference = /\/manifests\/([^/]+)$/.exec(url.pathname)?.[1];
  if (reference !== undefined) return sendManifest(request, response, reference);
  response.writeHead(200, { "docker-distribution-api-version": "registry/2.0" }).end("{}");
}

const [port, key, cert] = process.argv.slice(2);
const server = createServer({ key: readFileSync(key ?? ""), cert: readFileSync(cert ?? "") });
server.on("request", (request, response) => {
  answer(request, response).catch(() => response.destroy());
});
server.listen(Number(port), "127.0.0.1");
process.once("SIGTERM", () => process.exit(0));
