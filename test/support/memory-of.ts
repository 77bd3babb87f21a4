/** Bytes of memory that these take: with a slice, all of what it is a slice of. */
export function memoryOf(all: Iterable<Uint8Array>): number {
  const whole = new Set([...all].map(({ buffer }) => buffer));
  return [...whole].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** A small Buffer as programs get them: what comes and goes besides is in the same memory. */
export function amongOthers(content: string): Buffer {
  Buffer.from("-".repeat(20_000));
  const bytes = Buffer.from(content);
  Buffer.from("-".repeat(20_000));
  return bytes;
}
