/**
 * Who waits for which byte, in the order of the bytes: waking touches those who are due and nobody
 * else, so a thousand readers held back at the tail cost the download nothing. When many are due
 * they wake over several turns of the event loop.
 */

import { SpreadOverTicks } from "../runtime/spread-over-ticks.ts";
import { DownloadError } from "./download-error.ts";

/** Waking one means a read and a write: so many take a few milliseconds. */
const wokenPerTurn = 64;

type Waiter = { readonly position: number; readonly wake: () => void };

export class Waiters {
  readonly #line: Waiter[] = [];
  readonly #ticks = new SpreadOverTicks(wokenPerTurn);

  /** Resolves when woken; rejects when `signal` aborts. */
  wait(position: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        const place = this.#line.indexOf(waiter);
        if (place >= 0) this.#line.splice(place, 1);
        reject(
          new DownloadError("ABORTED", "the reader stopped waiting", { cause: signal.reason }),
        );
      };
      const wake = (): void => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const waiter = { position, wake };
      if (signal.aborted) return leave();
      signal.addEventListener("abort", leave, { once: true });
      this.#line.splice(this.#countBelow(position + 1), 0, waiter);
    });
  }

  /** Wakes those who wait for a byte before `position`. */
  wakeBelow(position: number): void {
    this.#wake(this.#line.splice(0, this.#countBelow(position)));
  }

  wakeAll(): void {
    this.#wake(this.#line.splice(0));
  }

  #wake(those: readonly Waiter[]): void {
    for (const { wake } of those) this.#ticks.run(wake);
  }

  #countBelow(position: number): number {
    let low = 0;
    let high = this.#line.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#line[middle]?.position ?? position) < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
