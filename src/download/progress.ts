/**
 * How far growing bytes have come: what is written, what of it may go out, and how it ended. Their
 * owner moves it; readers see it and wait on it.
 */
import type { GrowingBlob } from "./growing-blob.ts";
import { releasable } from "./hold-back.ts";
import { Waiters } from "./waiters.ts";

export class Progress implements GrowingBlob {
  readonly read: GrowingBlob["read"];
  readonly #onAwaited: (position: number) => void;
  readonly #waiters = new Waiters();
  #size: number | undefined;
  #written = 0;
  #released = 0;
  #ended: "complete" | Error | undefined;

  /** `read` reads the file below the mark; throws StoreError. `onAwaited` hears which bytes are waited for. */
  constructor(read: GrowingBlob["read"], onAwaited: (position: number) => void = () => undefined) {
    this.read = read;
    this.#onAwaited = onAwaited;
  }

  get size(): number | undefined {
    return this.#size;
  }

  get written(): number {
    return this.#written;
  }

  get released(): number {
    return this.#released;
  }

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
    this.#waiters.wakeAll();
  }

  /** No more will ever be released. Once complete it stays so. */
  fail(error: Error): void {
    this.#ended ??= error;
    this.#waiters.wakeAll();
  }

  /** Everyone looks again. */
  wake(): void {
    this.#waiters.wakeAll();
  }

  async wait(position: number, signal: AbortSignal): Promise<void> {
    if (this.#ended !== undefined) return;
    // Whoever waits for the end alone reads nothing.
    if (position < Number.POSITIVE_INFINITY) this.#onAwaited(position);
    await this.#waiters.wait(position, signal);
  }

  #release(released: number): void {
    if (released <= this.#released) return;
    this.#released = released;
    this.#waiters.wakeBelow(released);
  }
}
