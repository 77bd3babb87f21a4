/**
 * The file of a download, opened while the upstream is being asked, once the request is on its way: whoever
 * waits for its first byte does not wait for that too. One that is not made use of goes away again.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { BlobDraft, DraftStore } from "../store/draft-store.ts";

export class EarlyDraft implements DraftStore {
  readonly #blobs: DraftStore;
  readonly #mayKeep: () => boolean;
  #begun: { readonly id: string; readonly draft: Promise<BlobDraft> } | undefined;

  constructor(blobs: DraftStore, mayKeep: () => boolean) {
    this.#blobs = blobs;
    this.#mayKeep = mayKeep;
  }

  /** Where nothing was left, and something may be kept, a file is begun. */
  async takeUp(id: string): Promise<BlobDraft | undefined> {
    const left = await this.#blobs.takeUp(id);
    if (left === undefined && this.#mayKeep()) this.#begin(id);
    return left;
  }

  /** The one that was begun under this id, once. */
  async create(id?: string): Promise<BlobDraft> {
    const begun = this.#begun;
    if (begun === undefined || begun.id !== id) return await this.#blobs.create(id);
    // What was so when it was begun may be otherwise now: nothing is to be written, or files can be opened again.
    if (!this.#mayKeep()) await this.drop();
    const isThere = this.#begun === begun && (await begun.draft.then(isSo, isNotSo));
    this.#begun = undefined;
    return await (isThere ? begun.draft : this.#blobs.create(id));
  }

  /** Resolves once one that nobody created is gone. Never rejects. */
  async drop(): Promise<void> {
    const begun = this.#begun;
    this.#begun = undefined;
    const draft = await begun?.draft.catch(() => undefined);
    await draft?.close();
  }

  #begin(id: string): void {
    const draft = this.#createLater(id);
    // What fails is told to who creates it.
    draft.catch(() => undefined);
    this.#begun = { id, draft };
  }

  async #createLater(id: string): Promise<BlobDraft> {
    // Where a connection is used again, the request leaves in the next turn.
    await nextTurn();
    await nextTurn();
    return await this.#blobs.create(id);
  }
}

const isSo = (): boolean => true;
const isNotSo = (): boolean => false;
