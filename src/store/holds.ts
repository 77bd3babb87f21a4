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
  /** 0: let go by everybody, and kept only because all is. */
  readonly #counts = new Map<Digest, number>();
  #keepers = 0;
  /** Who else has it. */
  #isElsewhere: (digest: Digest) => boolean = () => false;
  #watcher: HoldWatcher | undefined;

  watch(watcher: HoldWatcher): void {
    this.#watcher = watcher;
  }

  /** Holds may be stacked: a digest is free again after as many releases. */
  hold(digest: Digest): void {
    const count = this.#counts.get(digest);
    this.#counts.set(digest, (count ?? 0) + 1);
    if (count === undefined) this.#watcher?.held(digest);
  }

  /** Takes one hold back; no error when there is none. */
  release(digest: Digest): void {
    const count = this.#counts.get(digest);
    if (count === undefined || count === 0) return;
    this.#counts.set(digest, count - 1);
    if (count === 1 && this.#keepers === 0) this.#free(digest);
  }

  /** From this tick on nothing that is held, or comes to be, is free again before what is returned is called. */
  keepAll(): () => void {
    this.#keepers += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#keepers -= 1;
      if (this.#keepers > 0) return;
      for (const [digest, count] of this.#counts) if (count === 0) this.#free(digest);
    };
  }

  /** Who has all that `isElsewhere` says, so that this disk's copy of it may go. */
  backedBy(isElsewhere: (digest: Digest) => boolean): void {
    this.#isElsewhere = isElsewhere;
  }

  /** Whether somebody relies on this disk for it. */
  isOnlyHere(digest: Digest): boolean {
    return this.isHeld(digest) && !this.#isElsewhere(digest);
  }

  isHeld(digest: Digest): boolean {
    return this.#counts.has(digest);
  }

  #free(digest: Digest): void {
    this.#counts.delete(digest);
    this.#watcher?.freed(digest);
  }
}
