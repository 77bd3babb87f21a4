/**
 * A disk that fails one write after the other is left alone: every download that tried it would ask
 * the upstream twice, once for the file and once for its client. From time to time a trial write
 * finds out whether it works again.
 */

import { type Clock, systemClock } from "../../runtime/clock.ts";
import type { DraftStore } from "../../store/draft-store.ts";
import { StoreError } from "../../store/store-error.ts";
import type { Observe } from "../cache-event.ts";

export type WriteBreakerOptions = {
  readonly blobs: Pick<DraftStore, "create">;
  readonly observe: Observe;
  readonly clock?: Clock;
};

/** Failures in a row; each stands for one blob, however many of its writes failed. */
const most = 5;
/** Milliseconds between two trials. */
const pause = 30_000;
/** Room is made by eviction, or by whoever took it, and comes back soon. */
const pauseWhenFull = 2_000;
/** As large as a piece of a blob: where this fits, work can go on. */
const trialBytes = 256 * 1024;

export class WriteBreaker {
  readonly #options: WriteBreakerOptions;
  #failures = 0;
  #cancelTrial: (() => void) | undefined;
  #isClosed = false;

  constructor(options: WriteBreakerOptions) {
    this.#options = options;
  }

  /** Whether nothing is to be written for now. */
  get isOpen(): boolean {
    return this.#cancelTrial !== undefined;
  }

  /** A blob could not be written. */
  failed(error: unknown): void {
    if (this.isOpen || this.#isClosed || isOwnFault(error)) return;
    this.#failures += 1;
    if (this.#failures < most) return;
    this.#plan(error);
    this.#options.observe({ kind: "writesPaused", error });
  }

  /** A blob was written and kept. */
  succeeded(): void {
    this.#failures = 0;
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTrial?.();
    this.#cancelTrial = undefined;
  }

  #plan(error: unknown): void {
    const { clock = systemClock } = this.#options;
    const isFull = error instanceof StoreError && error.code === "FULL";
    this.#cancelTrial = clock.after(isFull ? pauseWhenFull : pause, () => void this.#try());
  }

  async #try(): Promise<void> {
    try {
      await tryWrite(this.#options.blobs);
    } catch (error) {
      if (!this.#isClosed) this.#plan(error);
      return;
    }
    if (this.#isClosed) return;
    this.#cancelTrial = undefined;
    // A trial is no blob: the next failure is one too many again.
    this.#failures = most - 1;
    this.#options.observe({ kind: "writesResumed" });
  }
}

/** A trial write that leaves nothing. Throws StoreError. */
export async function tryWrite(blobs: Pick<DraftStore, "create">): Promise<void> {
  const draft = await blobs.create();
  try {
    await draft.write(Buffer.alloc(trialBytes), 0);
  } finally {
    await draft.close();
  }
}

/** Too many open files say nothing of the disk. */
function isOwnFault(error: unknown): boolean {
  const cause = error instanceof StoreError ? error.cause : undefined;
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  return code === "EMFILE" || code === "ENFILE";
}
