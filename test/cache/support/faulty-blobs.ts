import type { BlobDraft } from "../../../src/store/draft-store.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import { MemoryBlobStore } from "../../support/memory-blob-store.ts";

export type Trouble = {
  /** Drafts take no byte at or beyond this offset. */
  readonly fullAt?: number;
  /** A draft cannot be read any more after so many reads. */
  readonly unreadableAfter?: number;
  readonly noCommit?: boolean;
  /** A commit waits for the event loop, as on a disk. */
  readonly slowCommit?: boolean;
};

/** Blobs on a disk that is full or broken as the test says. */
export class FaultyBlobs extends MemoryBlobStore {
  trouble: Trouble;
  /** Drafts that nobody has closed yet. */
  drafts = 0;
  /** Bytes that were given to drafts, however often. */
  given = 0;

  constructor(trouble: Trouble = {}) {
    super();
    this.trouble = trouble;
  }

  override async create(): Promise<BlobDraft> {
    if (this.trouble.fullAt === 0) throw new StoreError("FULL", "no room");
    this.drafts += 1;
    return new FaultyDraft(await super.create(), this);
  }

  override async takeUp(id: string): Promise<BlobDraft | undefined> {
    const draft = await super.takeUp(id);
    if (draft === undefined) return undefined;
    this.drafts += 1;
    return new FaultyDraft(draft, this);
  }
}

class FaultyDraft implements BlobDraft {
  readonly #draft: BlobDraft;
  readonly #blobs: FaultyBlobs;
  #reads = 0;
  #isClosed = false;

  constructor(draft: BlobDraft, blobs: FaultyBlobs) {
    this.#draft = draft;
    this.#blobs = blobs;
  }

  get written(): number {
    return this.#draft.written;
  }

  endOf(position: number): number {
    return this.#draft.endOf(position);
  }

  get stretches(): BlobDraft["stretches"] {
    return this.#draft.stretches;
  }

  /** Like a disk: what still fits is written. */
  async write(chunk: Uint8Array, position: number): Promise<void> {
    const { fullAt = Number.POSITIVE_INFINITY } = this.#blobs.trouble;
    const room = fullAt - position;
    this.#blobs.given += chunk.length;
    await this.#draft.write(chunk.subarray(0, Math.min(chunk.length, room)), position);
    if (chunk.length > room) throw new StoreError("FULL", "no room");
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    this.#reads += 1;
    const { unreadableAfter = Number.POSITIVE_INFINITY } = this.#blobs.trouble;
    if (this.#reads > unreadableAfter) throw new StoreError("IO", "cannot be read");
    return await this.#draft.read(buffer, position);
  }

  async commit(...[digest, options]: Parameters<BlobDraft["commit"]>): Promise<void> {
    if (this.#blobs.trouble.noCommit) throw new StoreError("IO", "cannot be renamed");
    if (this.#blobs.trouble.slowCommit) await new Promise(setImmediate);
    await this.#draft.commit(digest, options);
  }

  discard(): Promise<void> {
    return this.#draft.discard();
  }

  setAside(id: string): Promise<void> {
    return this.#draft.setAside(id);
  }

  async close(): Promise<void> {
    if (!this.#isClosed) this.#blobs.drafts -= 1;
    this.#isClosed = true;
    await this.#draft.close();
  }
}
