/** Small services for answers whose bytes nobody streams: read a little of one, or be rid of one. */
import type { Readable } from "node:stream";

const maxDrained = 65_536;

/** At most the first `limit` bytes; what else there is, and any failure, is dropped. Never rejects. */
export async function readStart(body: Readable, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= limit) break;
    }
  } catch {
    // What came before the failure is all there is.
  }
  return Buffer.concat(chunks).subarray(0, limit);
}

/** Reads a short body to its end, which keeps the connection for the next request; cuts a long one. */
export function discard(body: Readable): void {
  let length = 0;
  body.on("error", () => undefined);
  body.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length > maxDrained) body.destroy();
  });
}

/** Reads a body without ever closing it: it belongs to whoever handed it in. */
export async function* borrowed(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = body[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await iterator.next();
    if (done === true) return;
    yield value;
  }
}
