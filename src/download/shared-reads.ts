/**
 * Readers who follow a growing file closely want the same bytes at the same moment: a read that is
 * under way serves all who come meanwhile, each by a copy into its own buffer. A reader who is alone
 * reads straight into its own, as if there were nothing here.
 */
import type { GrowingBlob } from "./growing-blob.ts";

type Guest = {
  readonly buffer: Uint8Array;
  readonly position: number;
  readonly resolve: (length: number | Promise<number>) => void;
  readonly reject: (error: unknown) => void;
};

type Running = {
  readonly buffer: Uint8Array;
  readonly position: number;
  readonly guests: Guest[];
};

export class SharedReads {
  readonly #read: GrowingBlob["read"];
  #running: Running | undefined;

  constructor(read: GrowingBlob["read"]) {
    this.#read = read;
  }

  /** As the read it was made with; may resolve with fewer bytes than there are. */
  async read(buffer: Uint8Array, position: number): Promise<number> {
    const running = this.#running;
    if (running !== undefined && isWorthSharing(running, buffer.length, position)) {
      return await new Promise((resolve, reject) => {
        running.guests.push({ buffer, position, resolve, reject });
      });
    }
    return await this.#readFor({ buffer, position, guests: [] });
  }

  async #readFor(mine: Running): Promise<number> {
    this.#running = mine;
    try {
      const length = await this.#read(mine.buffer, mine.position);
      // Before its owner goes on: the next thing it does may be to read over these bytes.
      for (const guest of mine.guests) this.#serve(guest, mine, length);
      return length;
    } catch (error) {
      for (const guest of mine.guests) guest.reject(error);
      throw error;
    } finally {
      if (this.#running === mine) this.#running = undefined;
    }
  }

  #serve(guest: Guest, { buffer, position }: Running, length: number): void {
    const start = guest.position - position;
    const piece = buffer.subarray(start, Math.min(length, start + guest.buffer.length));
    guest.buffer.set(piece);
    guest.resolve(piece.length > 0 ? piece.length : this.#read(guest.buffer, guest.position));
  }
}

/** A small overlap would only make many small reads of few large ones. */
function isWorthSharing(running: Running, wanted: number, position: number): boolean {
  const overlap = running.position + running.buffer.length - position;
  return position >= running.position && overlap >= wanted / 2;
}
