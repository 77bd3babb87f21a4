/**
 * The hash of a stream at some of the places it came by, close enough together that whoever has to
 * begin again need not go back far, and few however long the stream is.
 */
import type { RunningHash } from "../runtime/hashing.ts";

/** Whoever is given one releases its hash. */
export type Checkpoint = { readonly position: number; readonly hash: RunningHash };

const most = 128;

export class Checkpoints {
  #all: Checkpoint[];
  /** Bytes between two of them; doubled when there are too many. */
  #spacing = 1024 * 1024;

  /** `start`: the hash of nothing, which is its own from now on. */
  constructor(start: RunningHash) {
    this.#all = [{ position: 0, hash: start }];
  }

  /** Keeps a copy of the hash, if it is worth it. */
  add(position: number, hash: RunningHash): void {
    if (position - (this.#all.at(-1)?.position ?? 0) < this.#spacing) return;
    this.#all.push({ position, hash: hash.copy() });
    if (this.#all.length <= most) return;
    const dropped = this.#all.filter((_, index) => index % 2 === 1);
    for (const checkpoint of dropped) checkpoint.hash.release();
    this.#all = this.#all.filter((_, index) => index % 2 === 0);
    this.#spacing *= 2;
  }

  /** The last one at or before `position`, with a copy of its hash. */
  before(position: number): Checkpoint {
    let last = this.#all[0] as Checkpoint;
    for (const checkpoint of this.#all) if (checkpoint.position <= position) last = checkpoint;
    return { position: last.position, hash: last.hash.copy() };
  }

  release(): void {
    for (const { hash } of this.#all) hash.release();
  }
}
