/**
 * One reader's own way to the rest when the shared file ends early: it goes on upstream where the
 * file stopped, with a copy of the hash so far, so its tail is held back all the same.
 */
import { type Digest, digestAlgorithm, toDigest } from "../protocol/digest.ts";
import type { Checkpoint } from "./checkpoints.ts";
import { DownloadError } from "./download-error.ts";
import { releasable } from "./hold-back.ts";
import type { OwnWay, OwnWayUpstream } from "./own-way.ts";
import { ResumingBody } from "./resuming-body.ts";
import { Window } from "./window.ts";

export type OwnRangeParts = {
  readonly digest: Digest;
  /** Where the file stops and the upstream goes on. This range owns its hash. */
  readonly start: Checkpoint;
  /** What the reader was given so far is part of bytes that end there and have this hash. */
  readonly given: Checkpoint;
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
  #isVerified = false;

  constructor(parts: OwnRangeParts) {
    const { start, upstream } = parts;
    const from = start.position;
    const signal = this.#stop.signal;
    this.#parts = parts;
    this.#window = new Window(from);
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
    if (done === true) return this.#verify();
    this.#update(value);
    this.#window.push(value);
    this.#window.dropBefore(position);
  }

  /** What is right from here on is of no use to whoever was given other bytes before. */
  #update(chunk: Uint8Array): void {
    const { digest, given } = this.#parts;
    const { hash } = this.#parts.start;
    const left = given.position - this.#window.end;
    if (left <= 0 || left > chunk.length) {
      hash.update(chunk);
      return;
    }
    hash.update(chunk.subarray(0, left));
    if (!hash.copy().digest().equals(given.hash.digest())) {
      throw new DownloadError("WRONG_DIGEST", `the bytes of ${digest} are not those sent before`);
    }
    hash.update(chunk.subarray(left));
  }

  #verify(): void {
    const { digest, start } = this.#parts;
    const algorithm = digestAlgorithm(digest);
    if (toDigest(algorithm, start.hash.digest("hex")) !== digest) {
      throw new DownloadError("WRONG_DIGEST", `the bytes received are not those of ${digest}`);
    }
    this.#isVerified = true;
  }
}
