/**
 * A store whose writes are counted by a breaker, and refused with StoreError PAUSED while it is open.
 * Everything else is the store's own.
 */
import type { Digest } from "../../protocol/digest.ts";
import type { BlobReader, BlobStat, BlobStore, ListedBlob } from "../../store/blob-store.ts";
import type { BlobVerification } from "../../store/blob-verification.ts";
import type { BlobDraft, DraftStore } from "../../store/draft-store.ts";
import { StoreError } from "../../store/store-error.ts";
import type { WriteBreaker } from "./write-breaker.ts";

type Breaker = Pick<WriteBreaker, "isOpen" | "failed" | "succeeded">;

type Blobs = BlobStore & DraftStore & BlobVerification;

export class GuardedBlobs implements Blobs {
  readonly #blobs: Blobs;
  readonly #breaker: Breaker;

  constructor(blobs: Blobs, breaker: Breaker) {
    this.#blobs = blobs;
    this.#breaker = breaker;
  }

  async create(): Promise<BlobDraft> {
    if (this.#breaker.isOpen) throw new StoreError("PAUSED", "the disk is left alone for a while");
    try {
      return new GuardedDraft(await this.#blobs.create(), this.#breaker);
    } catch (error) {
      this.#breaker.failed(error);
      throw error;
    }
  }

  async takeUp(id: string): Promise<BlobDraft | undefined> {
    if (this.#breaker.isOpen) return undefined;
    const draft = await this.#blobs.takeUp(id);
    return draft && new GuardedDraft(draft, this.#breaker);
  }

  stat(digest: Digest): Promise<BlobStat | undefined> {
    return this.#blobs.stat(digest);
  }

  open(digest: Digest): Promise<BlobReader | undefined> {
    return this.#blobs.open(digest);
  }

  delete(digest: Digest): Promise<boolean> {
    return this.#blobs.delete(digest);
  }

  condemn(digest: Digest, identity: string): Promise<boolean> {
    return this.#blobs.condemn(digest, identity);
  }

  list(): AsyncIterable<ListedBlob> {
    return this.#blobs.list();
  }

  markVerified(digest: Digest): void {
    this.#blobs.markVerified(digest);
  }
}

class GuardedDraft implements BlobDraft {
  readonly #draft: BlobDraft;
  readonly #breaker: Breaker;
  /** By its owner, or by a failure that was counted: what fails after that says nothing new. */
  #isEnded = false;

  constructor(draft: BlobDraft, breaker: Breaker) {
    this.#draft = draft;
    this.#breaker = breaker;
  }

  get written(): number {
    return this.#draft.written;
  }

  endOf(position: number): number {
    return this.#draft.endOf(position);
  }

  write(chunk: Uint8Array, position: number): Promise<void> {
    return this.#draft.write(chunk, position).catch((error: unknown) => this.#fail(error));
  }

  read(buffer: Uint8Array, position: number): Promise<number> {
    return this.#draft.read(buffer, position);
  }

  async commit(...[digest, options]: Parameters<BlobDraft["commit"]>): Promise<void> {
    const isMeant = !this.#isEnded;
    await this.#draft.commit(digest, options).catch((error: unknown) => this.#fail(error));
    if (isMeant) this.#breaker.succeeded();
    this.#isEnded = true;
  }

  discard(): Promise<void> {
    this.#isEnded = true;
    return this.#draft.discard();
  }

  setAside(id: string): Promise<void> {
    this.#isEnded = true;
    return this.#draft.setAside(id);
  }

  close(): Promise<void> {
    this.#isEnded = true;
    return this.#draft.close();
  }

  #fail(error: unknown): never {
    if (!this.#isEnded) this.#breaker.failed(error);
    this.#isEnded = true;
    throw error;
  }
}
