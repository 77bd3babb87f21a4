/**
 * What fronts of all downloads have in common: how many an origin may have beside the one that every
 * download has, and which origins make nothing of ranges.
 */
import { BoundedMap } from "../runtime/bounded-map.ts";
import type { Clock } from "../runtime/clock.ts";

const mostAtOnce = 32;
const day = 24 * 3_600_000;

export class FrontLimits {
  readonly #clock: Pick<Clock, "steady">;
  readonly #taken = new Map<string, number>();
  /** Who found no place, and is told of the next. */
  readonly #waiting = new Map<string, Set<() => void>>();
  /** Until when an origin is not asked for parts. */
  readonly #partless = new BoundedMap<string, number>({ limit: 1_000 });

  constructor(clock: Pick<Clock, "steady">) {
    this.#clock = clock;
  }

  /** How to give the place back; undefined when there is none, and then `onFree` is called when there may be. */
  take(origin: string, onFree: () => void): (() => void) | undefined {
    const taken = this.#taken.get(origin) ?? 0;
    if (taken >= mostAtOnce) {
      const waiting = this.#waiting.get(origin) ?? new Set();
      this.#waiting.set(origin, waiting.add(onFree));
      return undefined;
    }
    this.#taken.set(origin, taken + 1);
    return () => this.#leave(origin);
  }

  /** It was asked for a part, and sent something else. */
  sendsNoParts(origin: string): void {
    this.#partless.set(origin, this.#clock.steady() + day);
  }

  mayAskForParts(origin: string): boolean {
    return (this.#partless.get(origin) ?? 0) <= this.#clock.steady();
  }

  #leave(origin: string): void {
    const left = (this.#taken.get(origin) ?? 1) - 1;
    if (left > 0) this.#taken.set(origin, left);
    else this.#taken.delete(origin);
    const waiting = [...(this.#waiting.get(origin) ?? [])];
    this.#waiting.delete(origin);
    for (const wake of waiting) wake();
  }
}
