/**
 * One reader's own way to the rest when the shared file ends early: it goes on upstream where the
 * file stopped, with a copy of the hash so far, so its tail is held back all the same.
 */
import type { Hash } from "node:crypto";
import { type Digest, digestAlgorithm, toDigest } from "../protocol/digest.ts";
import { CacheError } from "./cache-error.ts";
import { type HealingAsk, HealingBody } from "./healing-body.ts";
import { releasable } from "./hold-back.ts";
import { Window } from "./window.ts";

export type OwnRangeParts = {
  readonly digest: Digest;
  /** Where the file stops and the upstream goes on. */
  readonly from: number;
  /** The hash of everything before `from`; this range owns it. */
  readonly hash: Hash;
  /** Reads the file, below `from`. */
  readonly readFile: (buffer: Uint8Array, position: number) => Promise<number>;
  readonly upstream: Omit<HealingAsk, "from" | "isUnderway" | "signal" | "open"> & {
    readonly open: (offset: number, signal: AbortSignal) => ReturnType<HealingAsk["open"]>;
  };
};

export class OwnRange {
  readonly #parts: OwnRangeParts;
  readonly #stop = new AbortController();
  readonly #body: HealingBody;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #window: Window;
  #isVerified = false;

  constructor(parts: OwnRangeParts) {
    const { from, upstream } = parts;
    const signal = this.#stop.signal;
    this.#parts = parts;
    this.#window = new Window(from);
    this.#body = new HealingBody({
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
    if (position >= this.#parts.from) return this.#window.copyTo(buffer, position, end);
    const length = Math.min(buffer.length, Math.min(end, this.#parts.from) - position);
    return this.#parts.readFile(buffer.subarray(0, length), position);
  }

  async close(): Promise<void> {
    this.#stop.abort(new CacheError("ABANDONED", "the reader has gone"));
    await this.#chunks.return?.().catch(() => undefined);
  }

  /** Receives until a byte at `position` may go out or everything is verified; how far that is. */
  async #releasedBeyond(position: number, signal: AbortSignal): Promise<number> {
    const leave = (): void => this.#stop.abort(new CacheError("ABORTED", "the reader has gone"));
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
    this.#parts.hash.update(value);
    this.#window.push(value);
    this.#window.dropBefore(position);
  }

  #verify(): void {
    const { digest, hash } = this.#parts;
    const algorithm = digestAlgorithm(digest);
    if (toDigest(algorithm, hash.digest("hex")) !== digest) {
      throw new CacheError("WRONG_DIGEST", `the bytes received are not those of ${digest}`);
    }
    this.#isVerified = true;
  }
}
