/**
 * One way in for a blob's bytes: a request to the upstream from one place on, resumed as often as it
 * breaks, and written to the shared file. Bytes that others have brought, or are about to, it passes
 * over; only an open request is cut for that, for a part comes to its end soon enough.
 */
import type { Clock } from "../runtime/clock.ts";
import type { OpenedBlob } from "../upstream/client/blob-range.ts";
import { Batches } from "./batches.ts";
import type { Claim, Claims } from "./claims.ts";
import { Pace } from "./pace.ts";
import { type ResumingAsk, ResumingBody } from "./resuming-body.ts";

export type FrontParts = Pick<ResumingAsk, "host" | "onBreak" | "isUnderway"> & {
  readonly start: number;
  /** Undefined: whatever there is. */
  readonly end: number | undefined;
  readonly size: number | undefined;
  /** `isFirst`: nothing has broken yet. */
  readonly open: (offset: number, isFirst: boolean, signal: AbortSignal) => Promise<OpenedBlob>;
  readonly onOpened: (opened: OpenedBlob) => void;
  readonly write: (bytes: Uint8Array, position: number) => Promise<void>;
  /** It is for the whole, and no range that somebody asked for. */
  readonly isWhole: boolean;
  /** Which bytes are this front's to bring. */
  readonly claims: Claims<Front>;
  /** Whether an open one ends where others have been. */
  readonly mayCut: () => boolean;
  readonly clock: Clock;
};

export class Front implements Claim {
  readonly #parts: FrontParts;
  readonly #pace: Pace;
  readonly #stop = new AbortController();
  #received: number;
  #written: number;
  #end: number;

  constructor(parts: FrontParts) {
    this.#parts = parts;
    this.#pace = new Pace(parts.clock);
    this.#received = parts.start;
    this.#written = parts.start;
    this.#end = parts.end ?? Number.POSITIVE_INFINITY;
  }

  /** Whether it asked for whatever there is. */
  get isOpen(): boolean {
    return this.#parts.end === undefined;
  }

  get isWhole(): boolean {
    return this.#parts.isWhole;
  }

  /** What lies before is written. */
  get written(): number {
    return this.#written;
  }

  /** Where it will have come to when it ends. */
  get end(): number {
    return this.#end;
  }

  /** Whether all it asked for has come. */
  get isThrough(): boolean {
    return this.#received >= this.#end;
  }

  /** The blob is no longer than that. */
  limit(size: number): void {
    this.#end = Math.min(this.#end, size);
  }

  /** Whether it brings the byte at `position` within so many milliseconds, as fast as it is now. */
  arrivesWithin(position: number, milliseconds: number): boolean {
    return position - this.#received <= (this.#pace.rate * milliseconds) / 1_000;
  }

  /** Nobody needs what it still brings. Why, is none of its upstream's business. */
  stop(): void {
    this.#stop.abort();
  }

  /** Resolves when it has come to its end or was cut; to be called once. Throws what ended it before. */
  async run(): Promise<void> {
    const { clock, start } = this.#parts;
    const batches = new Batches((batch) => this.#write(batch), clock);
    const within = this.#stop.signal;
    let isFirst = true;
    const body = new ResumingBody({
      ...this.#parts,
      open: (offset) => {
        const opening = this.#parts.open(offset, isFirst, within);
        isFirst = false;
        return opening;
      },
      from: start,
      until: this.#parts.end,
      isLent: true,
      signal: within,
    });
    try {
      for await (const chunk of body) if (!(await this.#take(chunk, batches))) break;
      await batches.drain();
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error;
    } finally {
      await batches.stop();
    }
  }

  /** False when it is to be cut. */
  async #take(chunk: Uint8Array, batches: Batches): Promise<boolean> {
    const { claims, mayCut } = this.#parts;
    this.#pace.add(chunk.length);
    let rest = chunk;
    while (rest.length > 0 && !this.isThrough) {
      const from = this.#received;
      const mine = rest.subarray(0, claims.roomAt(this, from) - from);
      // Before it waits for room: what is on its way here is nobody else's any more.
      this.#received += mine.length;
      rest = rest.subarray(mine.length);
      if (mine.length > 0) await batches.put(mine);
      if (mine.length > 0 || rest.length === 0) continue;
      if (this.isOpen && mayCut()) return false;
      await batches.drain();
      const passed = Math.min(rest.length, claims.takenAt(this, from) - from);
      this.#received += passed;
      this.#written = this.#received;
      rest = rest.subarray(passed);
    }
    return true;
  }

  async #write(batch: Uint8Array): Promise<void> {
    await this.#parts.write(batch, this.#written);
    this.#written += batch.length;
  }
}
