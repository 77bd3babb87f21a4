/**
 * The body of a manifest as an upstream sends it: decoded, bounded, and compared with the digest it
 * should have. What is too large to be kept goes on as it comes, its end only once it has hashed.
 */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";
import { type Digest, digestAlgorithm, digestOf, toDigest } from "../../protocol/digest.ts";
import { headerValue } from "../../protocol/http/header-list.ts";
import { maxManifestBytes, signedPayload } from "../../protocol/manifest.ts";
import { bareMediaType, isSignedSchema1 } from "../../protocol/media-type.ts";
import type { RegistryResponse } from "../../upstream/registry-client.ts";
import { UpstreamError } from "../../upstream/upstream-error.ts";
import { brokenAnswer } from "./small-answer.ts";

/** So much of a body that cannot be kept is held back until all of it has hashed. */
const heldBack = 64 * 1024;

/** A whole body, or the beginning of one that is larger than a manifest may be, and what follows. */
export type ManifestBody =
  | { readonly kind: "whole"; readonly bytes: Buffer }
  | { readonly kind: "large"; readonly rest: AsyncIterable<Buffer> };

/** Without an encoding that nobody asked for. Throws UpstreamError; ends the response unless it is large. */
export async function readManifestBody(response: RegistryResponse): Promise<ManifestBody> {
  const chunks: Buffer[] = [];
  let length = 0;
  const body = response.body[Symbol.asyncIterator]();
  try {
    for (let next = await body.next(); next.done !== true; next = await body.next()) {
      const chunk: Buffer = next.value;
      chunks.push(chunk);
      length += chunk.length;
      response.body.keeps?.(length);
      if (length > maxManifestBytes) return { kind: "large", rest: following(chunks, body) };
    }
  } catch (error) {
    response.body.destroy();
    if (error instanceof UpstreamError) throw error;
    throw brokenAnswer("RESET", "the answer broke off in the middle", error);
  }
  const coding = headerValue(response.headers, "content-encoding");
  return { kind: "whole", bytes: decoded(Buffer.concat(chunks, length), coding) };
}

/** Whether these are the bytes that the digest stands for: of signed schema 1, those that were signed. */
export function hasDigest(bytes: Uint8Array, digest: Digest, mediaType: string): boolean {
  const algorithm = digestAlgorithm(digest);
  if (digestOf(bytes, algorithm) === digest) return true;
  if (!isSignedSchema1(bareMediaType(mediaType))) return false;
  const payload = signedPayload(bytes);
  return payload !== undefined && digestOf(payload, algorithm) === digest;
}

/**
 * The upstream's answer for a client, of which nothing that does not hash to `digest` is ever
 * complete; as it is where nobody says what it should be. Throws UpstreamError.
 */
export async function verifiedAnswer(
  response: RegistryResponse,
  digest: Digest | undefined,
  host: string,
): Promise<RegistryResponse> {
  if (digest === undefined) return response;
  const body = await readManifestBody(response);
  if (body.kind === "large") {
    const rest = endVerified(body.rest, digest, host);
    const stream = Readable.from(rest, { objectMode: false, highWaterMark: heldBack });
    stream.once("close", () => response.body.destroy());
    return { ...response, body: stream };
  }
  const mediaType = headerValue(response.headers, "content-type") ?? "";
  if (!hasDigest(body.bytes, digest, mediaType)) throw wrongDigest(host);
  const headers = new Map(response.headers);
  headers.delete("content-encoding");
  headers.delete("transfer-encoding");
  headers.set("content-length", [String(body.bytes.length)]);
  return { ...response, headers, body: Readable.from([body.bytes]) };
}

export function wrongDigest(host: string): UpstreamError {
  return new UpstreamError("PROTOCOL", host, `${host} sent a manifest whose digest is wrong`);
}

async function* following(
  chunks: readonly Buffer[],
  body: AsyncIterator<Buffer>,
): AsyncGenerator<Buffer> {
  yield* chunks;
  for (let next = await body.next(); next.done !== true; next = await body.next()) yield next.value;
}

async function* endVerified(
  chunks: AsyncIterable<Buffer>,
  digest: Digest,
  host: string,
): AsyncGenerator<Buffer> {
  const algorithm = digestAlgorithm(digest);
  const hash = createHash(algorithm);
  let end = Buffer.alloc(0);
  for await (const chunk of chunks) {
    hash.update(chunk);
    const all = Buffer.concat([end, chunk]);
    const free = Math.max(0, all.length - heldBack);
    if (free > 0) yield all.subarray(0, free);
    end = all.subarray(free);
  }
  if (toDigest(algorithm, hash.digest("hex")) !== digest) throw wrongDigest(host);
  yield end;
}

type Decoder = (bytes: Buffer, options: { readonly maxOutputLength: number }) => Buffer;

const decoders: Readonly<Record<string, Decoder>> = {
  gzip: gunzipSync,
  "x-gzip": gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
};

function decoded(bytes: Buffer, coding = "identity"): Buffer {
  const decode = decoders[coding.trim().toLowerCase()];
  try {
    return decode?.(bytes, { maxOutputLength: maxManifestBytes }) ?? bytes;
  } catch (error) {
    throw brokenAnswer("PROTOCOL", `the manifest is no valid ${coding}`, error);
  }
}
