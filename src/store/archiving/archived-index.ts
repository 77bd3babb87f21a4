/**
 * Which blobs the archive has, in memory and in the records, so that nobody has to ask it: what is said
 * here was there when it was written. A listing, behind everybody's back, completes what no record tells.
 */
import { setImmediate as yieldToOthers } from "node:timers/promises";
import { type Digest, parseDigest } from "../../protocol/digest.ts";
import type { Archive, ArchivedBlob } from "../archive.ts";
import type { RecordStore } from "../record-store.ts";

const prefix = "archived/";
/** Says of which archive the records are, and whether they name all that it has. */
const markKey = "archive/of";
const batch = 1_000;

export class ArchivedIndex {
  readonly #records: RecordStore;
  readonly #identity: string;
  readonly #sizes = new Map<Digest, number>();
  #isComplete = false;

  constructor(records: RecordStore, identity: string) {
    this.#records = records;
    this.#identity = identity;
  }

  /** Whether what is not said to be there is not there. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  sizeOf(digest: Digest): number | undefined {
    return this.#sizes.get(digest);
  }

  /** Reads the records; those of another archive are forgotten. Throws StoreError RECORDS. */
  async load(): Promise<void> {
    const mark = await this.#records.get(markKey);
    const isIts = typeof mark === "object" && mark !== null && "identity" in mark;
    if (!isIts || mark.identity !== this.#identity) return this.#forgetAll();
    for await (const { key, value } of this.#records.list(prefix)) {
      const digest = parseDigest(key.slice(prefix.length));
      if (digest !== undefined && typeof value === "number") this.#sizes.set(digest, value);
    }
    this.#isComplete = mark.isComplete === true;
  }

  /** Resolves once it is written down: then, and no sooner, it may be relied on. Throws StoreError RECORDS. */
  async add({ digest, size }: ArchivedBlob): Promise<void> {
    await this.#records.set(prefix + digest, size);
    this.#sizes.set(digest, size);
  }

  /** From this tick on it is not there any more; what is returned writes that down. */
  remove(digest: Digest): () => Promise<void> {
    this.#sizes.delete(digest);
    return () => this.#records.delete(prefix + digest);
  }

  /** Takes in all that the archive has. Throws StoreError. */
  async complete(archive: Pick<Archive, "list">, signal: AbortSignal): Promise<void> {
    if (this.#isComplete) return;
    let found: ArchivedBlob[] = [];
    for await (const blob of archive.list(signal)) {
      if (!this.#sizes.has(blob.digest)) found.push(blob);
      if (found.length < batch) continue;
      await this.#addAll(found);
      found = [];
    }
    await this.#addAll(found);
    await this.#mark(true);
    this.#isComplete = true;
  }

  async #addAll(blobs: readonly ArchivedBlob[]): Promise<void> {
    await this.#records.setMany(
      blobs.map(({ digest, size }) => ({ key: prefix + digest, value: size })),
    );
    for (const { digest, size } of blobs) this.#sizes.set(digest, size);
    await yieldToOthers();
  }

  async #forgetAll(): Promise<void> {
    const keys: string[] = [];
    for await (const { key } of this.#records.list(prefix)) keys.push(key);
    for (let start = 0; start < keys.length; start += batch)
      await this.#records.deleteMany(keys.slice(start, start + batch));
    await this.#mark(false);
  }

  #mark(isComplete: boolean): Promise<void> {
    return this.#records.set(markKey, { identity: this.#identity, isComplete });
  }
}
