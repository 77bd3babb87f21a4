/**
 * One reader's own way to the rest when the shared file ends early: it goes on upstream where the
 * file stopped, with a copy of the hash so far, so its tail is held back all the same.
 */
import { createHash, type Hash } from "node:crypto";
import { type Digest, digestAlgorithm, toDigest } from "../protocol/digest.ts";
import type { RunningHash } from "../runtime/hashing.ts";
import type { Checkpoint } from "./checkpoints.ts";
import { DownloadError } from "./download-error.ts";
import { releasable } from "./hold-back.ts";
import type { OwnWay, OwnWayUpstream } from "./own-way.ts";
import { ResumingBody } from "./resuming-body.ts";
import { Window } from "./window.ts";

/** Bytes that the reader was given out of the file, beyond what `given` covers. */
export type SentAhead = { readonly start: number; readonly end: number; readonly hash: Buffer };

export type OwnRangeParts = {
  readonly digest: Digest;
  /** Where the file stops and the upstream goes on; it and `given` are this range's to release. */
  readonly start: Checkpoint;
  /** What the reader was given so far is part of bytes that end there and have this hash. */
  readonly given: Checkpoint;
  readonly sentAhead?: SentAhead | undefined;
  /** Reads the file, below the start. */
  readonly readFile: (buffer: Uint8Array, position: number) => Promise<number>;
  readonly upstream: OwnWayUpstream;
};

export class OwnRange implements OwnWay {
  readonly #parts: OwnRangeParts;
  readonly #stop = new AbortController();
  readonly #body: ResumingBody;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #window: Window;
  /** Of what comes where bytes were sent ahead. */
  readonly #ahead: Hash;
  /** Of all from the first byte to where the window ends. */
  #hash: RunningHash;
  #isVerified = false;

  constructor(parts: OwnRangeParts) {
    const { start, upstream } = parts;
    const from = start.position;
    const signal = this.#stop.signal;
    this.#parts = parts;
    this.#window = new Window(from);
    this.#hash = start.hash;
    this.#ahead = createHash(digestAlgorithm(parts.digest));
    this.#body = new ResumingBody({
      ...upstream,
      open: (offset) => upstream.open(offset, signal),
      from,
      isUnderway: true,
      signal,
    });
    this.#chunks = this.#body[Symbol.asyncIterator]();
  }

  get size(): number | undefined {
    return this.#isVerified ? this.#window.end : this.#body.size;
  }

  /** As ByteSource says, but only forward. An abort ends the range: its only reader has gone. */
  async read(buffer: Uint8Array, position: number, signal: AbortSignal): Promise<number> {
    const end = await this.#releasedBeyond(position, signal);
    const from = this.#parts.start.position;
    if (position >= from) return this.#window.copyTo(buffer, position, end);
    const length = Math.min(buffer.length, Math.min(end, from) - position);
    return this.#parts.readFile(buffer.subarray(0, length), position);
  }

  async close(): Promise<void> {
    this.#stop.abort(new DownloadError("ABANDONED", "the reader has gone"));
    await this.#chunks.return?.().catch(() => undefined);
    this.#hash.release();
    this.#parts.given.hash.release();
  }

  /** Receives until a byte at `position` may go out or everything is verified; how far that is. */
  async #releasedBeyond(position: number, signal: AbortSignal): Promise<number> {
    const leave = (): void => this.#stop.abort(new DownloadError("ABORTED", "the reader has gone"));
    signal.addEventListener("abort", leave, { once: true });
    try {
      if (signal.aborted) leave();
      while (!this.#isVerified) {
        const released = releasable(this.#window.end, this.#body.size);
        if (position < released) return released;
        await this.#receive(position);
      }
      return this.#window.end;
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }

  async #receive(position: number): Promise<void> {
    const { done, value } = await this.#chunks.next();
    if (done === true) return await this.#verify();
    await this.#update(value);
    this.#compareAhead(value);
    this.#window.push(value);
    this.#window.dropBefore(position);
  }

  /** What is right from here on is of no use to whoever was given other bytes before. */
  async #update(chunk: Uint8Array): Promise<void> {
    const { digest, given } = this.#parts;
    const left = given.position - this.#window.end;
    if (left <= 0 || left > chunk.length) return await this.#hashed(chunk);
    await this.#hashed(chunk.subarray(0, left));
    const [found, wanted] = await Promise.all([this.#hash.digest(), given.hash.digest()]);
    if (!found.equals(wanted)) throw unlike(digest);
    await this.#hashed(chunk.subarray(left));
  }

  async #hashed(bytes: Uint8Array): Promise<void> {
    const before = this.#hash;
    this.#hash = await before.after(bytes);
    before.release();
  }

  #compareAhead(chunk: Uint8Array): void {
    const { digest, sentAhead } = this.#parts;
    if (sentAhead === undefined) return;
    const at = this.#window.end;
    const from = Math.max(0, sentAhead.start - at);
    const to = Math.min(chunk.length, sentAhead.end - at);
    if (from >= to) return;
    this.#ahead.update(chunk.subarray(from, to));
    const isAll = at + to === sentAhead.end;
    if (isAll && !this.#ahead.copy().digest().equals(sentAhead.hash)) throw unlike(digest);
  }

  async #verify(): Promise<void> {
    const { digest } = this.#parts;
    const found = (await this.#hash.digest()).toString("hex");
    if (toDigest(digestAlgorithm(digest), found) !== digest) {
      throw new DownloadError("WRONG_DIGEST", `the bytes received are not those of ${digest}`);
    }
    this.#isVerified = true;
  }
}

function unlike(digest: Digest): DownloadError {
  return new DownloadError("WRONG_DIGEST", `the bytes of ${digest} are not those sent before`);
}
