/**
 * What an upstream does not have, shared for at most two seconds between those who asked the same
 * with the same Accept set and the same credential (old clients get 404 for what newer ones can read).
 */
import { BoundedMap } from "../../runtime/bounded-map.ts";
import type { SmallAnswer } from "../asking/small-answer.ts";

export type NegativeOptions = {
  readonly now: () => number;
  /** Milliseconds. */
  readonly life?: number;
  readonly limit?: number;
};

type Remembered = { readonly answer: SmallAnswer; readonly until: number };

export class NegativeCache {
  readonly #now: () => number;
  readonly #life: number;
  readonly #kept: BoundedMap<string, Remembered>;

  constructor(options: NegativeOptions) {
    this.#now = options.now;
    this.#life = options.life ?? 2_000;
    this.#kept = new BoundedMap({ limit: options.limit ?? 1_000 });
  }

  recall(ref: string, variant: string): SmallAnswer | undefined {
    const key = `${ref}\n${variant}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined && kept.until > this.#now()) return kept.answer;
    this.#kept.delete(key);
    return undefined;
  }

  /** Keeps a 404; any other answer is nobody else's. */
  remember(ref: string, variant: string, answer: SmallAnswer): void {
    if (answer.status !== 404) return;
    this.#kept.set(`${ref}\n${variant}`, { answer, until: this.#now() + this.#life });
  }

  /** Forgets everything said of the repository: something was pushed there. */
  forget(ref: string): void {
    for (const [key] of this.#kept.entries()) {
      if (key.startsWith(`${ref}\n`)) this.#kept.delete(key);
    }
  }
}
