/**
 * One body from one digest, whatever happens to the connections it comes through: after a reset, a
 * stall or an early end it goes on where it stopped. It ends at the right length or throws.
 */

import { isUnavailable } from "../protocol/http/status.ts";
import { type Clock, pause } from "../runtime/clock.ts";
import type { OpenedBlob } from "../upstream/client/blob-range.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import { UpstreamRefusal } from "../upstream/upstream-refusal.ts";
import { DownloadError } from "./download-error.ts";

const mostTries = 5;
/** Where nothing ever came: some three seconds, for clients then have no head yet and can be told. */
const mostTriesForNothing = 3;
const shortestPause = 200;
const longestPause = 5_000;

/** What broke, where, and which try in a row without progress comes next. */
export type Break = { readonly offset: number; readonly attempt: number; readonly error: unknown };

export type ResumingAsk = {
  readonly open: (offset: number) => Promise<OpenedBlob>;
  /** The registry's name, for messages. */
  readonly host: string;
  readonly from: number;
  /** Where it ends, unless the blob ends before; undefined: with the blob. */
  readonly until?: number | undefined;
  readonly size: number | undefined;
  /** Something was already received: even the first request is worth repeating. */
  readonly isUnderway: boolean;
  readonly onOpened?: (body: OpenedBlob) => void;
  /** Of a piece its reader keeps nothing once it asks for the next. */
  readonly isLent?: boolean;
  readonly onBreak: (what: Break) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
};

export class ResumingBody implements AsyncIterable<Uint8Array> {
  readonly #ask: ResumingAsk;
  #offset: number;
  #size: number | undefined;
  #hasBegun: boolean;
  #tries = 0;

  constructor(ask: ResumingAsk) {
    this.#ask = ask;
    this.#offset = ask.from;
    this.#size = ask.size;
    this.#hasBegun = ask.isUnderway;
  }

  /** Bytes in all, as the upstream declares them. */
  get size(): number | undefined {
    return this.#size;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const start = this.#offset;
      try {
        const { body, giveBack } = await this.#open();
        for await (const chunk of body) {
          this.#count(chunk.length);
          yield chunk;
          if (this.#ask.isLent === true) giveBack?.(chunk);
        }
        const end = this.#end;
        if (end === undefined || this.#offset >= end) return;
        throw this.#failure("RESET", `ended after ${this.#offset} of ${end} bytes`);
      } catch (error) {
        await this.#recover(error, this.#offset > start);
      }
    }
  }

  async #open(): Promise<OpenedBlob> {
    const opened = await this.#ask.open(this.#offset);
    this.#hasBegun = true;
    this.#size ??= opened.total;
    const failure = this.#objection(opened.total ?? this.#size);
    if (failure !== undefined) {
      void opened.close();
      throw failure;
    }
    this.#ask.onOpened?.(opened);
    return opened;
  }

  get #end(): number | undefined {
    const { until } = this.#ask;
    return until === undefined ? this.#size : Math.min(until, this.#size ?? until);
  }

  #objection(total: number | undefined): UpstreamError | undefined {
    if (total === this.#size) return undefined;
    return this.#failure("PROTOCOL", `has ${total} bytes now and had ${this.#size} before`);
  }

  #count(length: number): void {
    this.#offset += length;
    if (this.#size !== undefined && this.#offset > this.#size) {
      throw new DownloadError("WRONG_LENGTH", `${this.#ask.host} sent more than it declared`);
    }
  }

  /** Returns when the next try is due; throws when there is none. */
  async #recover(error: unknown, hasProgress: boolean): Promise<void> {
    this.#ask.signal.throwIfAborted();
    this.#tries = hasProgress ? 1 : this.#tries + 1;
    const isNothing = this.#offset === this.#ask.from && !this.#ask.isUnderway;
    const most = isNothing ? mostTriesForNothing : mostTries;
    if (!this.#hasBegun || !mayPass(error) || this.#tries > most) throw error;
    this.#ask.onBreak({ offset: this.#offset, attempt: this.#tries, error });
    const longest = Math.min(longestPause, shortestPause * 2 ** this.#tries);
    const length = shortestPause + (longest - shortestPause) * this.#ask.clock.random();
    await pause(this.#ask.clock, length, this.#ask.signal);
  }

  #failure(code: "RESET" | "PROTOCOL", what: string): UpstreamError {
    return new UpstreamError(code, this.#ask.host, `what ${this.#ask.host} sent ${what}`);
  }
}

/** Whether asking again may help. */
function mayPass(error: unknown): boolean {
  if (error instanceof UpstreamRefusal) return isUnavailable(error.response.status);
  if (!(error instanceof UpstreamError)) return false;
  return !["FORBIDDEN", "REDIRECT", "TOO_LARGE", "ABORTED"].includes(error.code);
}
