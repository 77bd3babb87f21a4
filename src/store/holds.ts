/**
 * The digests that hosted content relies on. A store asks here in the same tick in which it takes a
 * blob away, so whoever holds first and looks second can rely on what it then sees.
 */
import type { Digest } from "../protocol/digest.ts";

/** What somebody does in the tick in which a digest becomes held, or free again. */
export type HoldWatcher = {
  readonly held: (digest: Digest) => void;
  readonly freed: (digest: Digest) => void;
};

export class Holds {
  readonly #counts = new Map<Digest, number>();
  #watcher: HoldWatcher | undefined;

  watch(watcher: HoldWatcher): void {
    this.#watcher = watcher;
  }

  /** Holds may be stacked: a digest is free again after as many releases. */
  hold(digest: Digest): void {
    const count = this.#counts.get(digest) ?? 0;
    this.#counts.set(digest, count + 1);
    if (count === 0) this.#watcher?.held(digest);
  }

  /** Takes one hold back; no error when there is none. */
  release(digest: Digest): void {
    const count = this.#counts.get(digest) ?? 0;
    if (count > 1) this.#counts.set(digest, count - 1);
    else if (this.#counts.delete(digest)) this.#watcher?.freed(digest);
  }

  isHeld(digest: Digest): boolean {
    return this.#counts.has(digest);
  }
}
