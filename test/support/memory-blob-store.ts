/** Blobs in memory, for tests: the same promises, as long as the process lives. */
import type { Digest } from "../../src/protocol/digest.ts";
import { Intervals } from "../../src/runtime/intervals.ts";
import type { BlobSpace } from "../../src/store/blob-space.ts";
import type {
  BlobReader,
  BlobStat,
  BlobStore,
  FilePlace,
  ListedBlob,
} from "../../src/store/blob-store.ts";
import type { BlobVerification } from "../../src/store/blob-verification.ts";
import type { BlobDraft, DraftStore } from "../../src/store/draft-store.ts";
import { Holds } from "../../src/store/holds.ts";
import { StoreError } from "../../src/store/store-error.ts";

type Kept = { readonly bytes: Uint8Array; readonly identity: string; usedAt: number };

export type MemoryBlobStoreOptions = {
  readonly holds?: Holds;
  /** Room in bytes; without it there is no limit. */
  readonly capacity?: number;
  readonly now?: () => number;
};

export class MemoryBlobStore implements BlobStore, DraftStore, BlobVerification, BlobSpace {
  readonly #kept = new Map<Digest, Kept>();
  readonly #aside = new Map<string, Part>();
  readonly #holds: Holds;
  readonly #capacity: number | undefined;
  readonly #now: () => number;
  #drafted = 0;
  #commits = 0;

  constructor(options: MemoryBlobStoreOptions = {}) {
    this.#holds = options.holds ?? new Holds();
    this.#capacity = options.capacity;
    this.#now = options.now ?? Date.now;
  }

  async stat(digest: Digest): Promise<BlobStat | undefined> {
    const kept = this.#kept.get(digest);
    return kept === undefined ? undefined : { size: kept.bytes.length, isVerified: true };
  }

  async open(digest: Digest): Promise<BlobReader | undefined> {
    const kept = this.#kept.get(digest);
    if (kept === undefined) return undefined;
    kept.usedAt = this.#now();
    return new MemoryReader(kept);
  }

  async create(): Promise<BlobDraft> {
    return this.#draft({ bytes: new Uint8Array(0), stretches: [] });
  }

  async takeUp(id: string): Promise<BlobDraft | undefined> {
    const part = this.#aside.get(id);
    if (part === undefined) return undefined;
    this.#aside.delete(id);
    return this.#draft(part);
  }

  get aside(): number {
    let sum = 0;
    for (const { stretches } of this.#aside.values()) sum += new Intervals(stretches).total;
    return sum;
  }

  async clearAside(): Promise<void> {
    this.#drafted -= this.#asideBytes();
    this.#aside.clear();
  }

  async delete(digest: Digest): Promise<boolean> {
    return !this.#holds.isHeld(digest) && this.#kept.delete(digest);
  }

  async condemn(digest: Digest, identity: string): Promise<boolean> {
    return this.#kept.get(digest)?.identity === identity && this.#kept.delete(digest);
  }

  async *list(): AsyncIterable<ListedBlob> {
    for (const [digest, { bytes, usedAt }] of this.#kept) {
      yield { digest, size: bytes.length, usedAt, isVerified: true };
    }
  }

  markVerified(): void {
    // Memory does not outlive a crash, so nothing in it is ever in doubt.
  }

  async space(): Promise<{ readonly free: number; readonly total: number } | undefined> {
    if (this.#capacity === undefined) return undefined;
    return { free: this.#capacity - this.#used(), total: this.#capacity };
  }

  #asideBytes(): number {
    let sum = 0;
    for (const { bytes } of this.#aside.values()) sum += bytes.length;
    return sum;
  }

  /** Bytes set aside stay reserved. */
  #draft(part: Part): MemoryDraft {
    return new MemoryDraft(part, {
      reserve: (count) => this.#reserve(count),
      keep: (digest, whole) => {
        this.#commits += 1;
        this.#kept.set(digest, { bytes: whole, identity: `${this.#commits}`, usedAt: this.#now() });
      },
      setAside: (label, left) => {
        this.#drafted -= this.#aside.get(label)?.bytes.length ?? 0;
        this.#aside.set(label, left);
      },
    });
  }

  #used(): number {
    let used = this.#drafted;
    for (const { bytes } of this.#kept.values()) used += bytes.length;
    return used;
  }

  /** Takes room for a draft; gives it back when `count` is negative. */
  #reserve(count: number): void {
    if (count > 0 && this.#capacity !== undefined && this.#used() + count > this.#capacity) {
      throw new StoreError("FULL", "cannot keep more: no room left in memory");
    }
    this.#drafted += count;
  }
}

class MemoryReader implements BlobReader {
  readonly place: FilePlace;
  readonly #bytes: Uint8Array;
  #isClosed = false;

  constructor({ bytes, identity }: Kept) {
    this.#bytes = bytes;
    this.place = { kind: "file", identity };
  }

  get size(): number {
    return this.#bytes.length;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    if (this.#isClosed) throw new StoreError("IO", "the blob is closed");
    return copy(this.#bytes, buffer, position);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }
}

type Part = {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly stretches: BlobDraft["stretches"];
};

type DraftParts = {
  readonly reserve: (count: number) => void;
  readonly keep: (digest: Digest, bytes: Uint8Array) => void;
  readonly setAside: (label: string, part: Part) => void;
};

class MemoryDraft implements BlobDraft {
  readonly #parts: DraftParts;
  readonly #there: Intervals;
  #bytes: Uint8Array<ArrayBuffer>;
  /** Bytes of room taken. */
  #reserved: number;
  #isEnded = false;
  #isClosed = false;

  constructor({ bytes, stretches }: Part, parts: DraftParts) {
    this.#parts = parts;
    this.#bytes = bytes;
    this.#reserved = bytes.length;
    this.#there = new Intervals(stretches);
  }

  get written(): number {
    return this.#there.endOf(0);
  }

  endOf(position: number): number {
    return this.#there.endOf(position);
  }

  get stretches(): BlobDraft["stretches"] {
    return this.#there.all;
  }

  async write(chunk: Uint8Array, position: number): Promise<void> {
    if (this.#isEnded) throw new StoreError("IO", "the draft takes no more bytes");
    const needed = position + chunk.length;
    this.#reserveUpTo(needed);
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(chunk, position);
    this.#there.add(position, needed);
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    if (this.#isClosed) throw new StoreError("IO", "the draft is closed");
    return copy(this.#bytes.subarray(0, this.endOf(position)), buffer, position);
  }

  async commit(digest: Digest): Promise<void> {
    if (this.#isEnded) return;
    this.#end();
    if (this.#there.end > this.written) throw new StoreError("IO", "the draft has a gap");
    this.#parts.keep(digest, this.#bytes.slice(0, this.written));
  }

  async discard(): Promise<void> {
    if (!this.#isEnded) this.#end();
  }

  async setAside(id: string): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const { end, all } = this.#there;
    this.#parts.reserve(end - this.#reserved);
    this.#parts.setAside(id, { bytes: this.#bytes.slice(0, end), stretches: all });
  }

  async close(): Promise<void> {
    await this.discard();
    this.#isClosed = true;
  }

  #end(): void {
    this.#isEnded = true;
    this.#parts.reserve(-this.#reserved);
  }

  #reserveUpTo(size: number): void {
    if (size <= this.#reserved) return;
    this.#parts.reserve(size - this.#reserved);
    this.#reserved = size;
  }
}

function copy(from: Uint8Array, to: Uint8Array, position: number): number {
  const part = from.subarray(position, position + to.length);
  to.set(part);
  return part.length;
}
