/**
 * How far growing bytes have come, in numbers: how many there will be, how many are written, how many
 * of them may go out, and how it ended. Whoever waits for a byte is woken when it may.
 */
import { releasable } from "./hold-back.ts";
import { Waiters } from "./waiters.ts";

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
