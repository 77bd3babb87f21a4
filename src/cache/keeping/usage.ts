/**
 * Every kept blob in the order of its last use, with what is being read right now. In memory, so
 * that using a blob waits for nothing; written to the records in batches.
 */
import { setImmediate as yieldToOthers } from "node:timers/promises";
import { type Digest, parseDigest } from "../../protocol/digest.ts";
import type { KeptBlob } from "../../store/blob-store.ts";
import type { RecordStore, StoredRecord } from "../../store/record-store.ts";
import type { Observe } from "../cache-event.ts";
import { oldestFirst } from "./oldest-first.ts";
import { UseOrder } from "./use-order.ts";

export type UsageOptions = {
  readonly records: RecordStore;
  readonly observe: Observe;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Pushed here, and so none of what the cache keeps. */
  readonly isHeld?: (digest: Digest) => boolean;
  /** Bytes that all of it may have: a single blob of more is only lent, and counts to nothing. */
  readonly most?: number;
  /** Milliseconds between two batches; a minute. */
  readonly interval?: number;
  /** Bytes that a file takes at least, and in steps of which it takes more; 4 KiB, as most volumes have it. */
  readonly block?: number;
};

const prefix = "usage/";
/** So many records are written at a time. */
const batch = 1_000;

export class Usage {
  readonly #options: UsageOptions;
  #kept = new UseOrder();
  readonly #lent = new Set<Digest>();
  readonly #readers = new Map<Digest, number>();
  readonly #unwritten = new Set<Digest>();
  #total = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: UsageOptions) {
    this.#options = options;
  }

  /** Bytes that everything kept takes on its volume: many small files take much more than they hold. */
  get total(): number {
    return this.#total;
  }

  get count(): number {
    return this.#kept.count;
  }

  /** Writes a batch from time to time, until closed; holds no process. */
  start(): void {
    const { interval = 60_000 } = this.#options;
    this.#timer ??= setInterval(() => this.flush(), interval).unref();
  }

  /** Takes in everything kept, without holding up anybody. Throws StoreError. */
  async load(blobs: { readonly list: () => AsyncIterable<KeptBlob> }): Promise<void> {
    const recorded = await this.#recorded();
    const found: KeptBlob[] = [];
    const now = this.#options.now();
    for await (const blob of blobs.list()) {
      const { digest, size } = blob;
      if (this.#options.isHeld?.(digest) === true) continue;
      // Our own word first: the scrub reads everything, and file systems call that a use.
      const said = recorded.get(digest) ?? blob.usedAt;
      // By a clock that was fast it would stay younger than whatever is used from now on.
      if (said > now) this.#unwritten.add(digest);
      found.push({ digest, size, usedAt: Math.min(said, now) });
    }
    const ordered = new UseOrder();
    let total = 0;
    const take = (blob: KeptBlob): void => {
      total += this.#counted(blob.size) - this.#counted(ordered.get(blob.digest)?.size ?? 0);
      if (this.#isLent(blob.size)) this.#lent.add(blob.digest);
      ordered.set(blob.digest, blob);
    };
    for await (const part of oldestFirst(found)) for (const blob of part) take(blob);
    // What was used or added meanwhile is younger than all of it.
    for (const blob of this.#kept.oldestFirst()) take(blob);
    this.#kept = ordered;
    this.#total = total;
  }

  /** Bytes that a blob of so many takes. */
  roomOf(size: number): number {
    const { block = 4_096 } = this.#options;
    return Math.ceil(size / block) * block;
  }

  added(digest: Digest, size: number): void {
    if (this.#options.isHeld?.(digest) === true) return;
    this.#total += this.#counted(size) - this.#counted(this.#kept.get(digest)?.size ?? 0);
    if (this.#isLent(size)) this.#lent.add(digest);
    this.#ref(digest, size);
  }

  used(digest: Digest): void {
    const size = this.#kept.get(digest)?.size;
    if (size !== undefined) this.#ref(digest, size);
  }

  removed(digest: Digest): void {
    this.#total -= this.#counted(this.#kept.get(digest)?.size ?? 0);
    this.#lent.delete(digest);
    if (this.#kept.delete(digest)) this.#unwritten.add(digest);
  }

  /** Somebody reads it from now on; what is returned ends that. */
  reading(digest: Digest): () => void {
    this.used(digest);
    this.#readers.set(digest, (this.#readers.get(digest) ?? 0) + 1);
    let isReading = true;
    return () => {
      if (isReading) this.#stopReading(digest);
      isReading = false;
    };
  }

  has(digest: Digest): boolean {
    return this.#kept.get(digest) !== undefined;
  }

  isRead(digest: Digest): boolean {
    return this.#readers.has(digest);
  }

  /** Those not used for longest first; blobs may come and go while this is walked. */
  oldestFirst(): IterableIterator<KeptBlob> {
    return this.#kept.oldestFirst();
  }

  /** Those that are only lent. */
  lent(): readonly KeptBlob[] {
    return [...this.#lent].map((digest) => ({
      digest,
      size: 0,
      usedAt: 0,
      ...this.#kept.get(digest),
    }));
  }

  /** Writes what is not in the records yet. Never rejects. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.flush();
  }

  #counted(size: number): number {
    return this.#isLent(size) ? 0 : this.roomOf(size);
  }

  #isLent(size: number): boolean {
    return size > (this.#options.most ?? Number.POSITIVE_INFINITY);
  }

  #ref(digest: Digest, size: number): void {
    this.#kept.set(digest, { size, usedAt: this.#options.now() });
    this.#unwritten.add(digest);
  }

  #stopReading(digest: Digest): void {
    const others = (this.#readers.get(digest) ?? 1) - 1;
    if (others === 0) this.#readers.delete(digest);
    else this.#readers.set(digest, others);
  }

  async #recorded(): Promise<ReadonlyMap<Digest, number>> {
    const { records, observe } = this.#options;
    const recorded = new Map<Digest, number>();
    try {
      for await (const { key, value } of records.list(prefix)) {
        const digest = parseDigest(key.slice(prefix.length));
        if (digest !== undefined && typeof value === "number") recorded.set(digest, value);
      }
    } catch (error) {
      observe({ kind: "recordsFailed", error });
    }
    return recorded;
  }

  async #write(): Promise<void> {
    const { records, observe } = this.#options;
    const digests = [...this.#unwritten];
    this.#unwritten.clear();
    try {
      for (let start = 0; start < digests.length; start += batch) {
        const { used, gone } = this.#news(digests.slice(start, start + batch));
        await records.setMany(used);
        await records.deleteMany(gone);
        await yieldToOthers();
      }
    } catch (error) {
      // The next batch has them again.
      for (const digest of digests) this.#unwritten.add(digest);
      observe({ kind: "recordsFailed", error });
    }
  }

  /** What the records are to say of these. */
  #news(digests: readonly Digest[]) {
    const used: StoredRecord[] = [];
    const gone: string[] = [];
    for (const digest of digests) {
      const use = this.#kept.get(digest);
      if (use === undefined) gone.push(prefix + digest);
      else used.push({ key: prefix + digest, value: use.usedAt });
    }
    return { used, gone };
  }
}
