/**
 * The digests that hosted content relies on. A store asks here in the same tick in which it takes a
 * blob away, so whoever holds first and looks second can rely on what it then sees.
 */
import type { Digest } from "../protocol/digest.ts";

export class Holds {
  readonly #counts = new Map<Digest, number>();

  /** Holds may be stacked: a digest is free again after as many releases. */
  hold(digest: Digest): void {
    this.#counts.set(digest, (this.#counts.get(digest) ?? 0) + 1);
  }

  /** Takes one hold back; no error when there is none. */
  release(digest: Digest): void {
    const count = this.#counts.get(digest) ?? 0;
    if (count > 1) this.#counts.set(digest, count - 1);
    else this.#counts.delete(digest);
  }

  isHeld(digest: Digest): boolean {
    return this.#counts.has(digest);
  }
}
