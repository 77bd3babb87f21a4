/**
 * Ranges of a kept blob that is to be hashed again first. They are read here as soon as the hashing has
 * arrived; meanwhile the registry is asked, for no more than one blob's worth of bytes.
 */
import type { ByteSource } from "../../download/byte-source.ts";
import type { Digest } from "../../protocol/digest.ts";
import { BoundedMap } from "../../runtime/bounded-map.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { afterWaiting } from "../../runtime/deadline.ts";
import type { KeptBlobs } from "../keeping/kept-blobs.ts";

/** Milliseconds that the hashing may take to arrive. */
const soon = 150;

export class DoubtfulRanges {
  readonly #kept: Pick<KeptBlobs, "open">;
  readonly #clock: Clock;
  /** Bytes that the registry was asked for, of each blob. */
  readonly #asked = new BoundedMap<Digest, number>({ limit: 1_000 });

  constructor(kept: Pick<KeptBlobs, "open">, clock: Clock = systemClock) {
    this.#kept = kept;
    this.#clock = clock;
  }

  /** What is kept, once it is known to be right up to there; undefined where that takes too long. */
  async arrived(
    digest: Digest,
    start: number,
    signal: AbortSignal,
  ): Promise<ByteSource | undefined> {
    const source = await this.#kept.open(digest);
    if (source === undefined) return undefined;
    const late = new AbortController();
    const stop = afterWaiting(this.#clock, soon, () => late.abort());
    try {
      await source.read(Buffer.allocUnsafe(1), start, AbortSignal.any([signal, late.signal]));
      return source;
    } catch {
      await source.close();
      return undefined;
    } finally {
      stop();
    }
  }

  /** Whether so many bytes more may be had from the registry; then they count. */
  mayAsk(digest: Digest, bytes: number, size: number): boolean {
    const asked = (this.#asked.get(digest) ?? 0) + bytes;
    if (asked > size) return false;
    this.#asked.set(digest, asked);
    return true;
  }
}
