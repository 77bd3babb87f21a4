/** Counts the writes to each repository, so that what was read before one is not learned after it. */
import { type RepositoryRef, repositoryKey } from "../repository-ref.ts";

/** Beyond so many repositories all reads under way count as older than a write. */
const most = 10_000;

export class Generations {
  readonly #latest = new Map<string, number>();
  #count = 0;
  #floor = 0;

  /** The same as long as nothing is written there. */
  of(ref: RepositoryRef): number {
    return this.#latest.get(repositoryKey(ref)) ?? this.#floor;
  }

  /** A write to it is about to be sent, or was answered. */
  raise(ref: RepositoryRef): void {
    this.#count += 1;
    if (this.#latest.size >= most) {
      this.#latest.clear();
      this.#floor = this.#count;
    }
    this.#latest.set(repositoryKey(ref), this.#count);
  }
}
