/**
 * A small Buffer is a slice of memory that it shares with others (`Buffer.poolSize`, 64 KiB), or of a
 * larger one that was read into: whoever keeps it keeps all of that. What is kept for long gets memory
 * of its own, so that it takes what its length says.
 */
export function ownBytes(bytes: Uint8Array): Buffer {
  const { buffer, byteOffset, length } = bytes;
  if (length === buffer.byteLength) return Buffer.from(buffer, byteOffset, length);
  const own = Buffer.allocUnsafeSlow(length);
  own.set(bytes);
  return own;
}

/**
 * In memory of its own: V8 cuts a text out of a longer one without copying it, and the longer one then stays
 * as long as anybody keeps the piece.
 */
export function ownText(text: string): string {
  return Buffer.from(text).toString();
}
