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
