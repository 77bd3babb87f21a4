/**
 * How far growing bytes have come, in numbers: how many there will be, how many are written, how many
 * of them may go out, and how it ended. Whoever waits for a byte is woken when it may.
 */

import { SpreadOverTicks } from "../runtime/spread-over-ticks.ts";
import { DownloadError } from "./download-error.ts";
import { releasable } from "./hold-back.ts";

export class Progress {
  readonly #waiters = new Waiters();
  #size: number | undefined;
  #written = 0;
  #released = 0;
  #ended: "complete" | Error | undefined;

  /** Bytes in all; undefined until that is known. */
  get size(): number | undefined {
    return this.#size;
  }

  /** How many bytes the file has. */
  get written(): number {
    return this.#written;
  }

  /** How many of them may go out: the tail waits for the digest (see hold-back.ts). */
  get released(): number {
    return this.#released;
  }

  /** "complete": everything is verified and released. An error: no more is ever released. */
  get ended(): "complete" | Error | undefined {
    return this.#ended;
  }

  /** Says how long the whole is. */
  declare(size: number): void {
    this.#size = size;
    this.#release(releasable(this.#written, size));
  }

  /** So many bytes can now be read; those who are due wake. */
  advance(written: number): void {
    this.#written = written;
    this.#release(releasable(written, this.#size));
  }

  /** Everything is there and right: the tail goes out. */
  complete(): void {
    this.#size = this.#written;
    this.#released = this.#written;
    this.#ended = "complete";
    this.wake();
  }

  /** No more will ever be released. Once complete it stays so. */
  fail(error: Error): void {
    this.#ended ??= error;
    this.wake();
  }

  /** Everyone looks again. */
  wake(): void {
    this.#waiters.wakeAll();
  }

  /** Resolves when a byte at `position` may go out, when it ends, or when all wake. Rejects when `signal` aborts. */
  async wait(position: number, signal: AbortSignal): Promise<void> {
    if (this.#ended === undefined) await this.#waiters.wait(position, signal);
  }

  #release(released: number): void {
    if (released <= this.#released) return;
    this.#released = released;
    this.#waiters.wakeBelow(released);
  }
}

/** Waking one means a read and a write: so many take a few milliseconds. */
const wokenPerTurn = 64;

type Waiter = { readonly position: number; readonly wake: () => void };

/**
 * Who waits for which byte, in the order of the bytes: waking touches those who are due and nobody
 * else, so a thousand readers held back at the tail cost the download nothing. When many are due
 * they wake over several turns of the event loop.
 */
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
