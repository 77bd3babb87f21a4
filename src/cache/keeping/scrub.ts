/**
 * Reads and hashes everything kept, slowly, so that bytes that rot on the disk are found before a
 * client asks for them. What is wrong is taken out of service and fetched again when it is wanted.
 */
import { createHash } from "node:crypto";
import type { Bookkeeping } from "../../download/bookkeeping.ts";
import { type Digest, digestAlgorithm, toDigest } from "../../protocol/digest.ts";
import { type Clock, pause } from "../../runtime/clock.ts";
import { inBackground } from "../../runtime/in-background.ts";
import type { BlobReader, BlobStore, ListedBlob } from "../../store/blob-store.ts";
import type { BlobVerification } from "../../store/blob-verification.ts";
import type { RecordStore } from "../../store/record-store.ts";
import type { Observe } from "../cache-event.ts";

export type ScrubOptions = {
  readonly blobs: Pick<BlobStore, "list" | "open"> & BlobVerification;
  readonly records: RecordStore;
  readonly books: Pick<Bookkeeping, "gone">;
  readonly observe: Observe;
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds from the end of one round to the next; 0 for never. */
  readonly interval: number;
  /** Bytes a second; 32 MiB. */
  readonly rate?: number;
};

export type ScrubResult = {
  readonly blobs: number;
  readonly bytes: number;
  readonly corrupted: number;
};

type Pass = ScrubResult & { readonly seen: ReadonlySet<Digest> };

const record = "scrub/finished";
const stretch = 256 * 1024;
/** The start of a process is busy enough. */
const soonest = 60_000;
/** So many bytes are read between two rests. */
const burst = 1024 * 1024;

export class Scrub {
  readonly #options: ScrubOptions;
  readonly #closing = new AbortController();
  #rounds: Promise<void> = Promise.resolve();
  #owed = 0;

  constructor(options: ScrubOptions) {
    this.#options = options;
  }

  /** One round after another, until closed. */
  start(): void {
    if (this.#options.interval <= 0) return;
    this.#rounds = this.#repeat();
    // What fails is told by each attempt; what is left is the end.
    inBackground(this.#rounds, () => undefined);
  }

  /** One round over everything, what is in doubt first. Rejects when `signal` aborts. */
  async run(signal: AbortSignal): Promise<ScrubResult> {
    const doubtful = await this.#pass(({ isVerified }) => !isVerified, signal);
    const others = await this.#pass(({ digest }) => !doubtful.seen.has(digest), signal);
    return this.#finish(doubtful, others);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled([this.#rounds]);
  }

  async #repeat(): Promise<void> {
    const { clock, interval, now, records } = this.#options;
    const { signal } = this.#closing;
    await pause(clock, soonest, signal);
    // What an unclean stop left in doubt is hashed on its way to clients until that is done.
    await this.#attempt(() => this.#doubtful(signal));
    let wait = (await this.#finishedAt()) + interval - now();
    for (;;) {
      await pause(clock, Math.max(0, Math.min(wait, interval)), signal);
      await this.#attempt(async () => {
        await this.run(signal);
        await records.set(record, now());
      });
      wait = interval;
    }
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#closing.signal.throwIfAborted();
      this.#options.observe({ kind: "diskFailed", error });
    }
  }

  async #doubtful(signal: AbortSignal): Promise<void> {
    const pass = await this.#pass(({ isVerified }) => !isVerified, signal);
    if (pass.seen.size > 0) this.#finish(pass);
  }

  async #pass(isMeant: (blob: ListedBlob) => boolean, signal: AbortSignal): Promise<Pass> {
    const pass = { seen: new Set<Digest>(), blobs: 0, bytes: 0, corrupted: 0 };
    for await (const blob of this.#options.blobs.list()) {
      if (!isMeant(blob)) continue;
      pass.seen.add(blob.digest);
      const isRight = await this.#check(blob.digest, signal);
      if (isRight === undefined) continue;
      pass.blobs += 1;
      pass.bytes += blob.size;
      pass.corrupted += isRight ? 0 : 1;
    }
    return pass;
  }

  #finish(...passes: readonly Pass[]): ScrubResult {
    const sum = (what: keyof ScrubResult): number =>
      passes.reduce((total, pass) => total + pass[what], 0);
    const result = { blobs: sum("blobs"), bytes: sum("bytes"), corrupted: sum("corrupted") };
    this.#options.observe({ kind: "scrubFinished", ...result });
    return result;
  }

  async #finishedAt(): Promise<number> {
    const value = await this.#options.records.get(record).catch(() => undefined);
    return typeof value === "number" ? value : 0;
  }

  /** Whether the bytes are right; undefined when they went away meanwhile or cannot be read. */
  async #check(digest: Digest, signal: AbortSignal): Promise<boolean | undefined> {
    const { blobs, observe } = this.#options;
    try {
      const reader = await blobs.open(digest);
      if (reader === undefined) return undefined;
      try {
        return await this.#judge(digest, reader, signal);
      } finally {
        await reader.close();
      }
    } catch (error) {
      signal.throwIfAborted();
      observe({ kind: "diskFailed", error });
      return undefined;
    }
  }

  async #judge(
    digest: Digest,
    reader: BlobReader,
    signal: AbortSignal,
  ): Promise<boolean | undefined> {
    const { blobs, books, observe } = this.#options;
    if ((await this.#hash(reader, digest, signal)) === digest) {
      blobs.markVerified(digest);
      return true;
    }
    if (!(await blobs.condemn(digest, reader.place.identity))) return undefined;
    books.gone(digest);
    observe({ kind: "blobCorrupted", digest, foundBy: "scrub" });
    return false;
  }

  async #hash(reader: BlobReader, digest: Digest, signal: AbortSignal): Promise<Digest> {
    const algorithm = digestAlgorithm(digest);
    const hash = createHash(algorithm);
    const buffer = Buffer.allocUnsafeSlow(Math.min(stretch, Math.max(1, reader.size)));
    for (let position = 0; ; ) {
      const length = await reader.read(buffer, position);
      if (length === 0) return toDigest(algorithm, hash.digest("hex"));
      hash.update(buffer.subarray(0, length));
      position += length;
      await this.#rest(length, signal);
    }
  }

  async #rest(bytes: number, signal: AbortSignal): Promise<void> {
    const { clock, rate = 32 * 1024 * 1024 } = this.#options;
    signal.throwIfAborted();
    this.#owed += bytes;
    if (this.#owed < burst) return;
    const milliseconds = (this.#owed / rate) * 1_000;
    this.#owed = 0;
    await pause(clock, milliseconds, signal);
  }
}
