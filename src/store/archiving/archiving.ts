/**
 * Brings what is kept on the disk into the archive: behind everybody's back, again and again until it is
 * there, or at once for somebody who waits. What is still to be put needs no record of its own, for a start
 * finds it: it is kept, and is not known to be in the archive.
 */
import type { Digest } from "../../protocol/digest.ts";
import type { Clock } from "../../runtime/clock.ts";
import { KeyedMutex } from "../../runtime/keyed-mutex.ts";
import type { Archive, ArchivedBytes, ArchivedStat, ArchiveRange } from "../archive.ts";
import type { BlobReader, BlobStore } from "../blob-store.ts";
import type { BlobVerification } from "../blob-verification.ts";
import { StoreError } from "../store-error.ts";
import type { ObserveStore } from "../store-event.ts";
import type { ArchivedIndex } from "./archived-index.ts";
import { isRight, isRightStream, smallOf } from "./right-bytes.ts";

export type ArchivingOptions = {
  readonly archive: Archive;
  readonly index: ArchivedIndex;
  readonly blobs: Pick<BlobStore, "open" | "stat" | "list"> &
    Pick<BlobVerification, "markVerified">;
  /** Who had it first, for its object; undefined where nobody says. */
  readonly originOf: (digest: Digest) => Promise<string | undefined>;
  /** It is read from now on; what is returned ends that. */
  readonly reading: (digest: Digest) => () => void;
  /** The archive has it from now on. */
  readonly onArchived: (digest: Digest, size: number) => void;
  /** Something relies on it. */
  readonly isHeld: (digest: Digest) => boolean;
  readonly observe: ObserveStore;
  readonly clock: Clock;
};

const atOnce = 2;
const shortestPause = 1_000;
const longestPause = 60_000;
/** Milliseconds after which what a put left belongs to nobody any more. */
const unfinished = 3_600_000;

export class Archiving {
  readonly #options: ArchivingOptions;
  readonly #waiting = new Set<Digest>();
  readonly #running = new Set<Promise<void>>();
  readonly #putting = new Set<Digest>();
  readonly #turns = new KeyedMutex<Digest>();
  readonly #closing = new AbortController();
  #failures = 0;
  #cancelPause: (() => void) | undefined;
  #cancelTidy: (() => void) | undefined;

  constructor(options: ArchivingOptions) {
    this.#options = options;
  }

  /** How many blobs are still to be put. */
  get waiting(): number {
    return this.#waiting.size + this.#running.size;
  }

  /** Whether it is still to be put. */
  isWaiting(digest: Digest): boolean {
    if (this.sizeOf(digest) !== undefined) return false;
    return this.#waiting.has(digest) || this.#putting.has(digest);
  }

  /** Its size, as far as is known without asking. */
  sizeOf(digest: Digest): number | undefined {
    return this.#options.index.sizeOf(digest);
  }

  /** What is known of it; the archive is asked only where nobody knows. Never rejects. */
  async find(digest: Digest): Promise<ArchivedStat | undefined> {
    const { index } = this.#options;
    if (index.isComplete && index.sizeOf(digest) === undefined) return undefined;
    return await this.stat(digest).catch(() => undefined);
  }

  /** The same for what nobody else has: what no record tells the archive is asked. Throws StoreError. */
  async stat(digest: Digest): Promise<ArchivedStat | undefined> {
    const { index, archive } = this.#options;
    const size = index.sizeOf(digest);
    if (size !== undefined) return { size, origin: undefined };
    const stat = await archive.stat(digest, this.#closing.signal);
    if (stat !== undefined) await index.add({ digest, size: stat.size });
    return stat;
  }

  /** Who had it first, as its object says. Never rejects. */
  async originOf(digest: Digest): Promise<string | undefined> {
    const { archive } = this.#options;
    const stat = await archive.stat(digest, this.#closing.signal).catch(() => undefined);
    return stat?.origin;
  }

  /** Undefined when it is not there. Throws StoreError ARCHIVE. */
  async open(
    digest: Digest,
    range: ArchiveRange,
    signal: AbortSignal,
  ): Promise<ArchivedBytes | undefined> {
    const { archive, index } = this.#options;
    const opened = await archive.open(digest, range, signal);
    if (opened === undefined) await index.remove(digest)();
    return opened;
  }

  /** It is kept on the disk from now on. */
  add(digest: Digest): void {
    if (this.sizeOf(digest) !== undefined) return;
    this.#waiting.add(digest);
    this.#work();
  }

  /** Resolves once the archive has it. Throws StoreError: then it may not have it. */
  async ensure(digest: Digest): Promise<void> {
    await this.#turns.run(digest, () => this.#put(digest));
    if (this.sizeOf(digest) === undefined)
      throw new StoreError("IO", `${digest} is gone before the archive had it`);
  }

  /** Takes it out of the archive, unless something relies on it. Throws StoreError. */
  async remove(digest: Digest): Promise<void> {
    const { index, archive, isHeld } = this.#options;
    this.#waiting.delete(digest);
    await this.#turns.run(digest, async () => {
      const size = index.sizeOf(digest);
      if (isHeld(digest) || (size === undefined && index.isComplete)) return;
      const forget = index.remove(digest);
      try {
        await archive.delete(digest, this.#closing.signal);
        await forget();
      } catch (error) {
        if (size !== undefined) await index.add({ digest, size });
        throw error;
      }
    });
  }

  /** Hashes what is there. Other bytes than those of the digest go, unless they are all there is. Never rejects. */
  async suspect(digest: Digest): Promise<void> {
    const { archive, index, blobs, isHeld, observe } = this.#options;
    const { signal } = this.#closing;
    try {
      await this.#turns.run(digest, async () => {
        const opened = await archive.open(digest, { start: 0 }, signal);
        if (opened === undefined || (await isRightStream(opened.body, digest))) return;
        observe({ kind: "archiveWrong", digest });
        if (isHeld(digest) && (await blobs.stat(digest)) === undefined) return;
        await index.remove(digest)();
        await archive.delete(digest, signal);
      });
      if ((await blobs.stat(digest)) !== undefined) this.add(digest);
    } catch {
      // Whoever reads it next suspects it again.
    }
  }

  /** All of a small blob, unverified; undefined when it is not there or cannot be had. Never rejects. */
  async read(digest: Digest, most: number): Promise<Buffer | undefined> {
    if ((await this.find(digest)) === undefined) return undefined;
    try {
      const opened = await this.open(digest, { start: 0 }, this.#closing.signal);
      return opened && (await smallOf(opened, most));
    } catch {
      return undefined;
    }
  }

  /** What is on record about the archive. Never rejects: what no record tells is asked for. */
  async load(): Promise<void> {
    await this.#options.index.load().catch(() => undefined);
  }

  /** Takes up what an earlier run left, and goes on by itself; nobody waits for it. Never rejects. */
  async start(): Promise<void> {
    const { blobs, index, archive } = this.#options;
    const { signal } = this.#closing;
    this.#tidy();
    // Without a listing what is not on record is asked for one by one.
    await index.complete(archive, signal).catch(() => undefined);
    try {
      for await (const { digest } of blobs.list()) this.add(digest);
    } catch {
      // A disk that cannot be looked at is told of by whoever reads it; the next start looks again.
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new StoreError("ARCHIVE", "the program stops"));
    this.#cancelPause?.();
    this.#cancelTidy?.();
    await Promise.all(this.#running);
  }

  #tidy(): void {
    const { archive, clock } = this.#options;
    const { signal } = this.#closing;
    archive.dropUnfinished(clock.now() - unfinished, signal).catch(() => undefined);
    this.#cancelTidy = clock.after(unfinished, () => this.#tidy());
  }

  #work(): void {
    while (this.#running.size < atOnce && this.#mayWork) {
      const [digest] = this.#waiting;
      if (digest === undefined) return;
      this.#waiting.delete(digest);
      this.#putting.add(digest);
      const running: Promise<void> = this.#tried(digest).finally(() => {
        this.#running.delete(running);
        this.#putting.delete(digest);
        this.#work();
      });
      this.#running.add(running);
    }
  }

  get #mayWork(): boolean {
    return this.#cancelPause === undefined && !this.#closing.signal.aborted;
  }

  async #tried(digest: Digest): Promise<void> {
    try {
      await this.#turns.run(digest, () => this.#put(digest));
      this.#failures = 0;
    } catch {
      this.#waiting.add(digest);
      this.#failures += 1;
      this.#rest();
    }
  }

  /** Most likely none of the others could be put either. */
  #rest(): void {
    const { clock } = this.#options;
    const length = Math.min(longestPause, shortestPause * 2 ** Math.min(this.#failures - 1, 10));
    this.#cancelPause ??= clock.after(length * (1 + clock.random() / 4), () => {
      this.#cancelPause = undefined;
      this.#work();
    });
  }

  /** In the digest's turn. What is not on the disk any more is not put. */
  async #put(digest: Digest): Promise<void> {
    const { blobs, reading, onArchived, observe } = this.#options;
    if (this.sizeOf(digest) !== undefined) return;
    const stop = reading(digest);
    try {
      const reader = await blobs.open(digest);
      if (reader === undefined) return;
      await this.#putRead(digest, reader).finally(() => reader.close());
    } finally {
      stop();
    }
    // Nobody reads it on its account any more: it may go from the disk at once.
    const size = this.sizeOf(digest);
    if (size === undefined) return;
    onArchived(digest, size);
    observe({ kind: "blobArchived", digest, size });
  }

  async #putRead(digest: Digest, reader: BlobReader): Promise<void> {
    const { archive, index, blobs, originOf } = this.#options;
    const [{ signal }, { size }] = [this.#closing, reader];
    const isVerified = (await blobs.stat(digest))?.isVerified === true;
    if (!isVerified && !(await isRight(reader, digest))) return;
    if (!isVerified) blobs.markVerified(digest);
    // What cannot be seen is put once more.
    const seen = index.isComplete ? undefined : archive.stat(digest, signal);
    const there = await seen?.catch(() => undefined);
    if (there?.size !== size) {
      const origin = await originOf(digest);
      await archive.put({ digest, size, origin, read: (...ask) => reader.read(...ask) }, signal);
    }
    await index.add({ digest, size });
  }
}
