/**
 * Notices what takes too long to leave for a client that reads slowly or not at all. One timer
 * watches everything, since a timer for each small answer would cost more than the answer.
 */

export class SendWatch {
  readonly #limit: number;
  readonly #now: () => number;
  /** Since when each is waiting; all have the same time, so the oldest is due first. */
  readonly #waiting = new Map<() => void, number>();
  #timer: NodeJS.Timeout | undefined;

  /** `limit` in milliseconds; `now` is a clock that never goes back. */
  constructor(limit: number, now: () => number = () => performance.now()) {
    this.#limit = limit;
    this.#now = now;
  }

  /** Calls `onLate` once unless `end` is called with it in time. */
  begin(onLate: () => void): void {
    this.#waiting.set(onLate, this.#now());
    this.#timer ??= this.#ringAfter(this.#limit);
  }

  end(onLate: () => void): void {
    this.#waiting.delete(onLate);
  }

  #ringAfter(milliseconds: number): NodeJS.Timeout {
    return setTimeout(() => this.#ring(), milliseconds).unref();
  }

  #ring(): void {
    this.#timer = undefined;
    const now = this.#now();
    for (const [onLate, since] of this.#waiting) {
      const left = since + this.#limit - now;
      if (left > 0) {
        this.#timer = this.#ringAfter(left);
        return;
      }
      this.#waiting.delete(onLate);
      onLate();
    }
  }
}
