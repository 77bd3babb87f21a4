/**
 * How far growing bytes have come: how many there will be, which of them are there, which may go out,
 * and how it ended. Whoever waits for a byte is woken when it may have it.
 *
 *     0          written                                            size − 64 KiB    size
 *     ├───────────┤      ├── there ──┤         ├─ there ─┤                 ├──────────┤
 *         a part goes out as it arrives              an answer that ends whole waits here
 */

import { type Interval, Intervals } from "../runtime/intervals.ts";
import { SpreadOverTicks } from "../runtime/spread-over-ticks.ts";
import { DownloadError } from "./download-error.ts";
import { releaseLimit } from "./hold-back.ts";

/** What a reader still wants: without an end, all there is. */
export type Want = {
  readonly start: number;
  readonly end: number | undefined;
  /** It is no complete body, so its bytes need not wait for the digest (see hold-back.ts). */
  readonly isPart: boolean;
};

export class Progress {
  /** Readers of parts, and those whose last bytes wait for the digest. */
  readonly #parts = new Waiters();
  readonly #wholes = new Waiters();
  readonly #there = new Intervals();
  #isAdmitted = true;
  #size: number | undefined;
  #ended: "complete" | Error | undefined;

  /** Bytes in all; undefined until that is known. */
  get size(): number | undefined {
    return this.#size;
  }

  /** How many bytes there are from the first on without a gap. */
  get written(): number {
    return this.#there.endOf(0);
  }

  /** How many bytes there are, wherever. */
  get received(): number {
    return this.#there.total;
  }

  /** Whether half of it is there, wherever. */
  get isHalf(): boolean {
    return this.#size !== undefined && this.#there.total >= this.#size / 2;
  }

  /** Whether a byte there has to wait for the digest, for whoever wants all. */
  isInTail(position: number): boolean {
    return this.#size !== undefined && position >= releaseLimit(this.written, this.#size);
  }

  /** "complete": everything is verified and released. An error: no more is ever released. */
  get ended(): "complete" | Error | undefined {
    return this.#ended;
  }

  /** Where the bytes that are there from `position` on end; `position` itself when it has none. */
  endOf(position: number): number {
    return this.#there.endOf(position);
  }

  /** Where the next bytes behind `position` are. */
  nextAfter(position: number): number | undefined {
    return this.#there.nextAfter(position);
  }

  /** Up to where a reader may have what it wants; its start when that has to wait. */
  releasedFor({ start, isPart }: Pick<Want, "start" | "isPart">): number {
    if (!this.#isAdmitted) return start;
    const end = this.#there.endOf(start);
    if (isPart || this.#ended === "complete") return end;
    return Math.max(start, Math.min(end, releaseLimit(this.written, this.#size)));
  }

  /** Whether there is a byte for who wants this, or it is clear that the blob ends before. */
  hasNewsFor(want: Want): boolean {
    const { start } = want;
    const isBeyond = start > 0 && this.#size !== undefined && start >= this.#size;
    return isBeyond || this.releasedFor(want) > start;
  }

  /** Says how long the whole is. */
  declare(size: number): void {
    const isNews = this.#size === undefined;
    this.#size = size;
    // Who wants a part learns only now that it is none of the whole.
    if (isNews) this.#wholes.wakeAll();
  }

  /** The upstream has let us in: what an earlier download left may go out too. */
  admit(): void {
    if (this.#isAdmitted) return;
    this.#isAdmitted = true;
    this.wake();
  }

  /** An earlier download left these; they may go out once somebody is let in. */
  addLeft(stretches: readonly Interval[]): void {
    this.#isAdmitted = stretches.length === 0;
    for (const { start, end } of stretches) this.#there.add(start, end);
  }

  /** The bytes from `start` up to `end` can now be read; those who are due wake. */
  add(start: number, end: number): void {
    if (start >= end) return;
    const before = releaseLimit(this.written, this.#size);
    this.#there.add(start, end);
    const limit = releaseLimit(this.written, this.#size);
    this.#parts.wakeWithin(start, end);
    this.#wholes.wakeWithin(Math.min(start, before), Math.min(end, limit));
  }

  /** Everything is there and right: the tail goes out. */
  complete(): void {
    this.#size = this.written;
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
    this.#parts.wakeAll();
    this.#wholes.wakeAll();
  }

  /** Resolves when its first byte may go out, when it ends, or when all wake. Rejects when `signal` aborts. */
  async wait(
    { start, isPart }: Pick<Want, "start" | "isPart">,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#ended !== undefined) return;
    await (isPart ? this.#parts : this.#wholes).wait(start, signal);
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

  /** Wakes those who wait for a byte from `start` on and before `end`. */
  wakeWithin(start: number, end: number): void {
    const first = this.#countBelow(start);
    const count = this.#countBelow(end) - first;
    if (count > 0) this.#wake(this.#line.splice(first, count));
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
