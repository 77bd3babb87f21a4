/**
 * Makes few large writes of many small pieces. What arrives while a write is under way is gathered
 * for the next; otherwise a write starts with the very first byte, then with 64 KiB or after 10 ms,
 * so nobody waits longer than that for a byte that is here. A piece that is large by itself is written
 * as it is. Two buffers at most, however much goes through.
 */
import type { Clock } from "../runtime/clock.ts";
import { sharedBytes } from "../runtime/hashing.ts";

const capacity = 256 * 1024;
const enough = 64 * 1024;
/** Not worth a copy. */
const large = 128 * 1024;
/** Written in one. */
const largest = 1024 * 1024;
const patience = 10;

export class Batches {
  readonly #write: (batch: Uint8Array) => Promise<void>;
  readonly #clock: Clock;
  #filling: Buffer | undefined;
  #spare: Buffer | undefined;
  #filled = 0;
  #hasBegun = false;
  #writing: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #stopTimer: (() => void) | undefined;

  constructor(write: (batch: Uint8Array) => Promise<void>, clock: Clock) {
    this.#write = write;
    this.#clock = clock;
  }

  /**
   * The piece is the caller's own again afterwards. Waits while both buffers are full, or until a
   * large piece is written. Throws what a write threw.
   */
  async put(piece: Uint8Array): Promise<void> {
    let rest = piece;
    while (rest.length > 0) {
      if (rest.length >= large) {
        await this.drain();
        await this.#writeThrough(rest.subarray(0, largest));
        rest = rest.subarray(largest);
        continue;
      }
      while (this.#filled === capacity) await this.#writing;
      this.#throwFailure();
      // Many blobs are no more than their first bytes, which get no more room than they take.
      this.#filling ??= sharedBytes(this.#hasBegun ? capacity : rest.length);
      const taken = rest.subarray(0, this.#filling.length - this.#filled);
      this.#filling.set(taken, this.#filled);
      this.#filled += taken.length;
      rest = rest.subarray(taken.length);
      this.#consider();
    }
  }

  /** Resolves when everything put is written. Throws what a write threw. */
  async drain(): Promise<void> {
    while (this.#writing !== undefined || this.#filled > 0) {
      if (this.#writing === undefined) this.#start();
      await this.#writing;
      this.#throwFailure();
    }
  }

  /** Drops what is gathered and waits for the write under way. */
  async stop(): Promise<void> {
    this.#failure ??= { error: new Error("stopped") };
    this.#filled = 0;
    this.#stopTimer?.();
    await this.#writing;
  }

  async #writeThrough(batch: Uint8Array): Promise<void> {
    this.#throwFailure();
    this.#hasBegun = true;
    this.#writing = this.#run(batch);
    await this.#writing;
    this.#throwFailure();
  }

  #consider(): void {
    if (this.#writing !== undefined || this.#filled === 0) return;
    if (this.#filled >= enough || !this.#hasBegun) this.#start();
    else this.#stopTimer ??= this.#clock.after(patience, () => this.#start());
  }

  #start(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#hasBegun = true;
    const full = this.#filling ?? Buffer.alloc(0);
    const batch = full.subarray(0, this.#filled);
    [this.#filling, this.#filled] = [this.#spare, 0];
    this.#spare = full.length === capacity ? full : undefined;
    this.#writing = this.#run(batch);
  }

  async #run(batch: Uint8Array): Promise<void> {
    try {
      await this.#write(batch);
    } catch (error) {
      this.#failure = { error };
      this.#filled = 0;
    }
    this.#writing = undefined;
    if (this.#failure === undefined) this.#consider();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
