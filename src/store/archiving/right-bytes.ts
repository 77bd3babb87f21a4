/** Whether bytes are those of their digest: after an unclean stop that is not known, and an archive is not ours. */
import { createHash } from "node:crypto";
import { type Digest, digestAlgorithm, toDigest } from "../../protocol/digest.ts";
import type { ArchivedBytes } from "../archive.ts";
import type { BlobReader } from "../blob-store.ts";

const piece = 256 * 1024;

/** Throws StoreError IO. */
export async function isRight(reader: BlobReader, digest: Digest): Promise<boolean> {
  const algorithm = digestAlgorithm(digest);
  const hash = createHash(algorithm);
  const buffer = Buffer.allocUnsafeSlow(Math.max(1, Math.min(piece, reader.size)));
  for (let position = 0; position < reader.size; ) {
    const length = await reader.read(buffer, position);
    if (length === 0) return false;
    hash.update(buffer.subarray(0, length));
    position += length;
  }
  return toDigest(algorithm, hash.digest("hex")) === digest;
}

/** Throws what the bytes do. */
export async function isRightStream(
  bytes: AsyncIterable<Uint8Array>,
  digest: Digest,
): Promise<boolean> {
  const algorithm = digestAlgorithm(digest);
  const hash = createHash(algorithm);
  for await (const chunk of bytes) hash.update(chunk);
  return toDigest(algorithm, hash.digest("hex")) === digest;
}

/** All of it, undefined where that is more than `most`. Throws what the bytes do. */
export async function smallOf(opened: ArchivedBytes, most: number): Promise<Buffer | undefined> {
  if (opened.size > most) {
    opened.close();
    return undefined;
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of opened.body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
