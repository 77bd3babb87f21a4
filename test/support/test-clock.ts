import type { Clock } from "../../src/runtime/clock.ts";

/**
 * Short waits (batches, back-offs without jitter) are over at the next turn of the event loop; long
 * ones when the test says so. The time is what the test makes of it.
 */
export class TestClock implements Clock {
  readonly #long = new Set<{ milliseconds: number; act: () => void }>();
  readonly pauses: number[] = [];
  /** Milliseconds since 1970. */
  time = 1_000_000_000_000;

  /** The wall clock alone was set forward by so much, or back. */
  jump = 0;

  readonly now = (): number => this.time + this.jump;
  readonly steady = (): number => this.time;
  readonly random = (): number => 0;

  readonly after = (milliseconds: number, act: () => void): (() => void) => {
    this.pauses.push(milliseconds);
    if (milliseconds < 1_000) {
      const soon = setImmediate(act);
      return () => clearImmediate(soon);
    }
    const entry = { milliseconds, act };
    this.#long.add(entry);
    return () => this.#long.delete(entry);
  };

  /** Lets every wait of this length be over. */
  pass(milliseconds: number): void {
    for (const entry of [...this.#long]) {
      if (entry.milliseconds !== milliseconds) continue;
      this.#long.delete(entry);
      entry.act();
    }
  }

  /** How many long waits are under way. */
  get waiting(): number {
    return this.#long.size;
  }
}
