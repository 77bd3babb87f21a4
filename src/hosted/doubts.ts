/**
 * Writes of which nobody knows whether they were carried out: the next write puts what they touched
 * back to what was told to clients, and until then no bytes of theirs go away.
 */
import type { Digest } from "../protocol/digest.ts";
import { type Change, keyOf } from "./pushed.ts";

export class Doubts {
  readonly #release: (digest: Digest) => void;
  /** By key; what it is about, not what it says. */
  readonly #doubtful = new Map<string, Change>();
  /** How many writes under way touch each key. */
  readonly #underway = new Map<string, number>();
  #held: Digest[] = [];

  constructor(release: (digest: Digest) => void) {
    this.#release = release;
  }

  /** What is to be put back with a write of these, which is under way from now on. */
  begin(changes: readonly Change[]): readonly Change[] {
    const keys = new Set(changes.map(keyOf));
    // What others are writing right now says itself how it is.
    const back = [...this.#doubtful].filter(([key]) => !keys.has(key) && !this.#underway.has(key));
    for (const key of keys) this.#underway.set(key, (this.#underway.get(key) ?? 0) + 1);
    return back.map(([, change]) => change);
  }

  /** These are written. */
  settle(changes: readonly Change[]): void {
    for (const change of changes) this.#doubtful.delete(keyOf(change));
    if (this.#doubtful.size > 0) return;
    for (const digest of this.#held) this.#release(digest);
    this.#held = [];
  }

  /** These may be written or not; `held`: the bytes that must not go away meanwhile. */
  doubt(changes: readonly Change[], held: readonly Digest[]): void {
    for (const change of changes) this.#doubtful.set(keyOf(change), change);
    this.#held.push(...held);
  }

  /** A write of these is over, however it ended. */
  end(changes: readonly Change[]): void {
    for (const key of new Set(changes.map(keyOf))) {
      const others = (this.#underway.get(key) ?? 1) - 1;
      if (others === 0) this.#underway.delete(key);
      else this.#underway.set(key, others);
    }
  }
}
