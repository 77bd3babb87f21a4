/** Drafts whose writes tell of the disk's health, and are refused with StoreError PAUSED while it is left alone. */
import type { BlobDraft, DraftStore } from "../../store/draft-store.ts";
import { StoreError } from "../../store/store-error.ts";
import type { DiskHealth } from "./disk-health.ts";

type Disk = Pick<DiskHealth, "isPaused" | "writeFailed" | "writeSucceeded">;

export class GuardedDrafts implements DraftStore {
  readonly #drafts: DraftStore;
  readonly #disk: Disk;

  constructor(drafts: DraftStore, disk: Disk) {
    this.#drafts = drafts;
    this.#disk = disk;
  }

  async create(): Promise<BlobDraft> {
    if (this.#disk.isPaused) throw new StoreError("PAUSED", "the disk is left alone for a while");
    try {
      return new GuardedDraft(await this.#drafts.create(), this.#disk);
    } catch (error) {
      this.#disk.writeFailed(error);
      throw error;
    }
  }

  async takeUp(id: string): Promise<BlobDraft | undefined> {
    if (this.#disk.isPaused) return undefined;
    const draft = await this.#drafts.takeUp(id);
    return draft && new GuardedDraft(draft, this.#disk);
  }
}

class GuardedDraft implements BlobDraft {
  readonly #draft: BlobDraft;
  readonly #disk: Disk;
  /** By its owner, or by a failure that was counted: what fails after that says nothing new. */
  #isEnded = false;

  constructor(draft: BlobDraft, disk: Disk) {
    this.#draft = draft;
    this.#disk = disk;
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
    if (isMeant) this.#disk.writeSucceeded();
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
    if (!this.#isEnded) this.#disk.writeFailed(error);
    this.#isEnded = true;
    throw error;
  }
}
