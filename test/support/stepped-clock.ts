import type { Clock } from "../../src/runtime/clock.ts";

type Due = { readonly at: number; readonly act: () => void };

/** A clock that a test moves: what is due on the way acts in order, each at its own time. */
export class SteppedClock implements Clock {
  readonly #due = new Set<Due>();
  /** Milliseconds since 1970. */
  #time = 1_000_000_000_000;

  readonly now = (): number => this.#time;
  readonly steady = (): number => this.#time;
  readonly random = (): number => 0;

  readonly after = (milliseconds: number, act: () => void): (() => void) => {
    const due = { at: this.#time + milliseconds, act };
    this.#due.add(due);
    return () => this.#due.delete(due);
  };

  /** How many waits are under way. */
  get waiting(): number {
    return this.#due.size;
  }

  pass(milliseconds: number): void {
    const end = this.#time + milliseconds;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#time = Math.max(this.#time, next.at);
      this.#due.delete(next);
      next.act();
    }
    this.#time = end;
  }

  /** The process stands still for so long; what is due then is late. */
  standStill(milliseconds: number): void {
    this.#time += milliseconds;
    this.pass(0);
  }

  #next(end: number): Due | undefined {
    const [first] = [...this.#due].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
    return first;
  }
}
