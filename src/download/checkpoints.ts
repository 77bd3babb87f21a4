/**
 * The hash of a stream at some of the places it came by, close enough together that whoever has to
 * begin again need not go back far, and few however long the stream is.
 */
import type { Hash } from "node:crypto";

export type Checkpoint = { readonly position: number; readonly hash: Hash };

const most = 128;

export class Checkpoints {
  #all: Checkpoint[];
  /** Bytes between two of them; doubled when there are too many. */
  #spacing = 1024 * 1024;

  /** `start`: the hash of nothing. Hashes that were handed in must not change any more. */
  constructor(start: Hash) {
    this.#all = [{ position: 0, hash: start }];
  }

  add(position: number, hash: Hash): void {
    if (position - (this.#all.at(-1)?.position ?? 0) < this.#spacing) return;
    this.#all.push({ position, hash });
    if (this.#all.length <= most) return;
    this.#all = this.#all.filter((_, index) => index % 2 === 0);
    this.#spacing *= 2;
  }

  /** The last one at or before `position`, with a copy of its hash. */
  before(position: number): Checkpoint {
    let last = this.#all[0] as Checkpoint;
    for (const checkpoint of this.#all) if (checkpoint.position <= position) last = checkpoint;
    return { position: last.position, hash: last.hash.copy() };
  }
}
