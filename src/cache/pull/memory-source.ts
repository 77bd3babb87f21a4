/** Bytes that are in memory already, or of which only the length is wanted (HEAD). */
import type { BytePlace, ByteSource } from "../../download/byte-source.ts";

const inMemory: BytePlace = { kind: "memory" };

export class MemorySource implements ByteSource {
  readonly place = inMemory;
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get size(): number {
    return this.bytes.length;
  }

  read(buffer: Uint8Array, position: number): Promise<number> {
    const part = this.bytes.subarray(position, position + buffer.length);
    buffer.set(part);
    return Promise.resolve(part.length);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Larger ones are not held for as long as somebody takes to read them. */
const heldWhole = 64 * 1024;

/** `again` finds the same bytes once more; it must not hold them itself. */
export function memorySource(
  bytes: Uint8Array,
  again: () => Promise<Uint8Array | undefined>,
): ByteSource {
  return bytes.length <= heldWhole
    ? new MemorySource(bytes)
    : new RereadSource(bytes.length, again);
}

/** Looks its bytes up for each part that is read, so that slow readers pin none of them. */
class RereadSource implements ByteSource {
  readonly place = inMemory;
  readonly size: number;
  readonly #again: () => Promise<Uint8Array | undefined>;

  constructor(size: number, again: () => Promise<Uint8Array | undefined>) {
    this.size = size;
    this.#again = again;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    const bytes = await this.#again();
    if (bytes?.length !== this.size) throw new Error("the bytes are gone");
    const part = bytes.subarray(position, position + buffer.length);
    buffer.set(part);
    return part.length;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export class LengthSource implements ByteSource {
  readonly place = inMemory;
  readonly size: number;

  constructor(size: number) {
    this.size = size;
  }

  read(): Promise<number> {
    return Promise.reject(new TypeError("only the length is known"));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
