/** Uploads whose blobs are in the archive too, once they are said to be durable. */
import type { Digest } from "../../protocol/digest.ts";
import type { BlobDraft } from "../draft-store.ts";
import type { UploadFiles } from "../upload-files.ts";

export class ArchivedUploads implements UploadFiles {
  readonly #files: UploadFiles;
  readonly #ensure: (digest: Digest) => Promise<void>;

  /** `ensure` resolves once the archive has it, or throws StoreError. */
  constructor(files: UploadFiles, ensure: (digest: Digest) => Promise<void>) {
    this.#files = files;
    this.#ensure = ensure;
  }

  async create(id: string): Promise<BlobDraft> {
    return new ArchivedDraft(await this.#files.create(id), this.#ensure);
  }

  async takeUp(id: string, size: number): Promise<BlobDraft | undefined> {
    const draft = await this.#files.takeUp(id, size);
    return draft && new ArchivedDraft(draft, this.#ensure);
  }

  sweep(): Promise<void> {
    return this.#files.sweep();
  }
}

class ArchivedDraft implements BlobDraft {
  readonly #draft: BlobDraft;
  readonly #ensure: (digest: Digest) => Promise<void>;

  constructor(draft: BlobDraft, ensure: (digest: Digest) => Promise<void>) {
    this.#draft = draft;
    this.#ensure = ensure;
  }

  get written(): number {
    return this.#draft.written;
  }

  get stretches(): BlobDraft["stretches"] {
    return this.#draft.stretches;
  }

  endOf(position: number): number {
    return this.#draft.endOf(position);
  }

  write(chunk: Uint8Array, position: number): Promise<void> {
    return this.#draft.write(chunk, position);
  }

  read(buffer: Uint8Array, position: number): Promise<number> {
    return this.#draft.read(buffer, position);
  }

  async commit(...[digest, options]: Parameters<BlobDraft["commit"]>): Promise<void> {
    await this.#draft.commit(digest, options);
    if (options?.isDurable === true) await this.#ensure(digest);
  }

  discard(): Promise<void> {
    return this.#draft.discard();
  }

  setAside(id: string): Promise<void> {
    return this.#draft.setAside(id);
  }

  close(): Promise<void> {
    return this.#draft.close();
  }
}
