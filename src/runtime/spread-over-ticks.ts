/**
 * Spreads what comes in bursts over turns of the event loop: so much in each, in order, with
 * everybody else's business in between. A thousand readers woken at once would hold the loop up.
 */

export class SpreadOverTicks {
  readonly #perTurn: number;
  #left: number;
  #isCounting = false;
  #queue: (() => void)[] = [];

  constructor(perTurn: number) {
    this.#perTurn = perTurn;
    this.#left = perTurn;
  }

  /** Does the work now, or in one of the next turns when this one has had its share. */
  run(work: () => void): void {
    this.#count();
    if (this.#left === 0) {
      this.#queue.push(work);
      return;
    }
    this.#left -= 1;
    work();
  }

  #count(): void {
    if (this.#isCounting) return;
    this.#isCounting = true;
    setImmediate(() => this.#next());
  }

  #next(): void {
    this.#isCounting = false;
    this.#left = this.#perTurn;
    const waiting = this.#queue;
    this.#queue = [];
    for (const work of waiting) this.run(work);
  }
}
