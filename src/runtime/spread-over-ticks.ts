/**
 * Spreads what comes in bursts over turns of the event loop: so much in each, by client and in order,
 * with everybody else's business in between. A thousand readers woken at once would hold the loop up.
 */
import { FairQueue } from "./fair-queue.ts";

export class SpreadOverTicks {
  readonly #perTurn: number;
  readonly #waiting = new FairQueue<() => void>();
  #left: number;
  #isCounting = false;

  constructor(perTurn: number) {
    this.#perTurn = perTurn;
    this.#left = perTurn;
  }

  /** Whether more waits than this turn has room for. */
  get isBehind(): boolean {
    return !this.#waiting.isEmpty;
  }

  /** Does the work now, or in one of the next turns when this one has had its share. */
  run(work: () => void, client = ""): void {
    if (this.#left === 0 || !this.#waiting.isEmpty) this.#waiting.add(client, work);
    else this.#do(work);
  }

  #do(work: () => void): void {
    this.#left -= 1;
    this.#count();
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
    while (this.#left > 0) {
      const work = this.#waiting.next();
      if (work === undefined) return;
      this.#do(work);
    }
  }
}
