/**
 * Bytes on their way to clients that are not kept: the last stretch of them, in memory, for everybody
 * who reads along. They come no faster than the fastest reader takes them; whoever falls more than
 * 2 MiB behind him may find them gone, and has to fetch the rest himself.
 *
 *     0                  end − 4 MiB        end − 2 MiB             end
 *     ├──────── gone ────────┤──── can be read ─┤── fastest reader ───┤ more, when he has read on
 */
import { StoreError } from "../store/store-error.ts";
import { DownloadError } from "./download-error.ts";
import { Window } from "./window.ts";

const stretch = 4 * 1024 * 1024;
/** What is left of it is for those who are slower than the fastest. */
const ahead = 2 * 1024 * 1024;

export class PassingBytes {
  readonly #signal: AbortSignal;
  readonly #window = new Window(0);
  /** How far somebody has read, or waits to read from. */
  #reached = 0;
  #onProgress: (() => void) | undefined;
  #isClosed = false;

  /** A wait for readers ends when `signal` aborts. */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** Takes a copy, once there is room for it. Throws DownloadError ABANDONED when nobody will make any. */
  async append(bytes: Uint8Array): Promise<void> {
    const end = this.#window.end + bytes.length;
    while (end - ahead > this.#reached) await this.#progress();
    this.#window.push(Buffer.from(bytes));
    this.#window.dropBefore(end - stretch);
  }

  /** Resolves with the bytes read. Throws StoreError IO where they are gone. */
  async read(buffer: Uint8Array, position: number): Promise<number> {
    if (this.#isClosed || position < this.#window.start) {
      throw new StoreError("IO", `the bytes at ${position} have passed`);
    }
    const length = this.#window.copyTo(buffer, position, this.#window.end);
    this.awaited(position + length);
    return length;
  }

  /** Somebody wants to read from there on. */
  awaited(position: number): void {
    if (position <= this.#reached) return;
    this.#reached = position;
    this.#onProgress?.();
  }

  close(): void {
    this.#isClosed = true;
    this.#window.dropBefore(this.#window.end);
  }

  async #progress(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const signal = this.#signal;
    signal.addEventListener("abort", resolve as () => void, { once: true });
    this.#onProgress = resolve;
    if (!signal.aborted) await promise;
    signal.removeEventListener("abort", resolve as () => void);
    if (signal.aborted) throw new DownloadError("ABANDONED", "nobody reads any more");
  }
}
