/**
 * Small bytes that are kept for long lie in V8's own heap, where what is left is moved together. Among
 * the C library's, which come and go with connections, each would hold a page that nobody can give back.
 */
import { ownBytes } from "./own-bytes.ts";

export type PackedBytes = string | Buffer;

/** Longer ones have pages of their own, and are read in pieces, each of which would unpack the whole. */
const longestPacked = 64 * 1024;

export function packBytes(bytes: Buffer): PackedBytes {
  return bytes.length > longestPacked ? ownBytes(bytes) : bytes.toString("latin1");
}

/** What was packed; of small ones a copy, in memory of its own. */
export function unpackBytes(packed: PackedBytes): Buffer {
  if (typeof packed !== "string") return packed;
  const bytes = Buffer.allocUnsafeSlow(packed.length);
  bytes.write(packed, "latin1");
  return bytes;
}
