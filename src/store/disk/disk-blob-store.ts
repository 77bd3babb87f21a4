/**
 * Blobs as files. A final name stands for bytes that were all there and right when it was given; it
 * is given by a rename, and what it names is never written again. Opening costs one open and one
 * fstat, reading one read.
 */
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { join } from "node:path";
import type { Digest } from "../../protocol/digest.ts";
import type { Interval } from "../../runtime/intervals.ts";
import type { BlobSpace } from "../blob-space.ts";
import type { BlobReader, BlobStat, BlobStore, ListedBlob } from "../blob-store.ts";
import type { BlobVerification } from "../blob-verification.ts";
import type { BlobDraft, DraftStore } from "../draft-store.ts";
import { Holds } from "../holds.ts";
import type { ObserveStore } from "../store-event.ts";
import type { UploadFiles } from "../upload-files.ts";
import { BlobIndex } from "./blob-index.ts";
import type { NamedBlob } from "./blob-names.ts";
import type { DataFolder } from "./data-folder.ts";
import { DiskDraft } from "./disk-draft.ts";
import { DiskUploads } from "./disk-uploads.ts";
import {
  closeQuietly,
  type FileFacts,
  type FileSystem,
  nodeFileSystem,
  type OpenFile,
  storeFailure,
  systemCode,
} from "./file-system.ts";
import { DiskReader, HeldFile } from "./held-file.ts";
import { PartialDownloads, type TakenUp } from "./partial-downloads.ts";

export type DiskBlobStoreOptions = {
  readonly holds?: Holds;
  readonly observe?: ObserveStore;
  readonly fs?: FileSystem;
};

type NewDraft = {
  readonly path: string;
  readonly id: string | undefined;
  readonly there: readonly Interval[];
};

// A link is never ours: final names are plain files. At a pipe nobody waits for who may write into it.
const readOnly = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const readAndWrite = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const statsAtOnce = 32;

export class DiskBlobStore implements BlobStore, DraftStore, BlobVerification, BlobSpace {
  readonly #path: string;
  readonly #fs: FileSystem;
  readonly #observe: ObserveStore;
  readonly #index: BlobIndex;
  readonly #partial: PartialDownloads;

  /** Looks at no blob, so it takes no longer with a hundred thousand of them. Throws StoreError. */
  static async open(folder: DataFolder, options?: DiskBlobStoreOptions): Promise<DiskBlobStore> {
    const store = new DiskBlobStore(folder, options ?? {});
    await store.space();
    await store.#partial.load();
    return store;
  }

  private constructor(folder: DataFolder, options: DiskBlobStoreOptions) {
    const { fs = nodeFileSystem, holds = new Holds(), observe = () => undefined } = options;
    this.#path = folder.path;
    this.#fs = fs;
    this.#observe = observe;
    this.#index = new BlobIndex(folder, { fs, holds, observe });
    this.#partial = new PartialDownloads({
      ...{ fs, boot: folder.boot, folder: join(folder.path, "partial") },
    });
  }

  get aside(): number {
    return this.#partial.bytes;
  }

  async clearAside(): Promise<void> {
    await this.#partial.clear();
  }

  async stat(digest: Digest): Promise<BlobStat | undefined> {
    const blob = await this.#index.find(digest);
    if (blob === undefined) return undefined;
    if (isAsNamed(await this.#index.facts(blob), blob)) return this.#index.statOf(blob);
    await this.#index.recheck(blob);
    return undefined;
  }

  async open(digest: Digest): Promise<BlobReader | undefined> {
    const blob = await this.#index.find(digest);
    if (blob === undefined) return undefined;
    const file = await this.#openFile(blob.path);
    if (file !== undefined) {
      const facts = await statOrClose(file, blob.path);
      if (isAsNamed(facts, blob)) return new DiskReader(new HeldFile(file, blob.path), facts);
      await closeQuietly(file);
    }
    await this.#index.recheck(blob);
    return undefined;
  }

  async create(id?: string): Promise<BlobDraft> {
    const path = this.#newDraft();
    try {
      return this.#draft({ path, id, there: [] }, await this.#fs.open(path, "wx+", 0o600));
    } catch (error) {
      throw storeFailure(error, `create ${path}`);
    }
  }

  async takeUp(id: string): Promise<BlobDraft | undefined> {
    if (this.#partial.isEmpty) return undefined;
    const path = this.#newDraft();
    try {
      const taken = await this.#partial.take(id, path);
      return taken && (await this.#reopen(id, taken));
    } catch (error) {
      throw storeFailure(error, `go on with ${path}`);
    }
  }

  /** Where uploads are written before they become blobs. Throws StoreError. */
  uploads(): Promise<UploadFiles> {
    return DiskUploads.open({
      fs: this.#fs,
      folder: join(this.#path, "uploads"),
      place: (digest, finished) => this.#index.place(digest, finished),
    });
  }

  delete(digest: Digest): Promise<boolean> {
    return this.#index.remove(digest);
  }

  condemn(digest: Digest, identity: string): Promise<boolean> {
    return this.#index.condemn(digest, identity);
  }

  async *list(): AsyncIterable<ListedBlob> {
    let isAllVerified = true;
    const missed = { count: 0, first: undefined as unknown };
    const passOver = (error: unknown): void => {
      if (missed.count === 0) missed.first = error;
      missed.count += 1;
    };
    for await (const shard of this.#index.walk(passOver)) {
      for (let start = 0; start < shard.length; start += statsAtOnce) {
        const batch = shard.slice(start, start + statsAtOnce);
        const looks = batch.map((blob) => this.#look(blob).catch(passOver));
        for (const kept of await Promise.all(looks)) {
          if (kept === undefined) continue;
          isAllVerified &&= kept.isVerified;
          yield kept;
        }
      }
    }
    if (missed.count > 0) this.#tellPassedOver(missed.count, missed.first);
    else if (isAllVerified) this.#index.allVerified();
  }

  markVerified(digest: Digest): void {
    this.#index.verified(digest);
  }

  async space(): Promise<{ readonly free: number; readonly total: number }> {
    // Where the blobs lie: that may be a volume of their own.
    const path = join(this.#path, "blobs");
    try {
      const { bavail, blocks, bsize } = await this.#fs.statfs(path);
      return { free: bavail * bsize, total: blocks * bsize };
    } catch (error) {
      throw storeFailure(error, `measure ${path}`);
    }
  }

  /**
   * Ends the run: leaves the marker of a clean stop if all that was written since the start reaches
   * the platter before `deadline`. Throws StoreError.
   */
  async close(deadline?: AbortSignal): Promise<void> {
    await this.#partial.settle(deadline);
    await this.#index.settle(deadline);
  }

  #newDraft(): string {
    return join(this.#path, "partial", `${randomBytes(16).toString("hex")}.draft`);
  }

  #draft({ path, id, there }: NewDraft, file: OpenFile): DiskDraft {
    return new DiskDraft({
      fs: this.#fs,
      path,
      remember:
        id === undefined ? undefined : (stretches) => this.#partial.remember(id, path, stretches),
      file: new HeldFile(file, path),
      place: (digest, finished) => this.#index.place(digest, finished),
      keep: (label, from, stretches) => this.#partial.add(label, from, stretches),
      there,
    });
  }

  /** Undefined when it is not as it was left; what is not opened is gone, for nobody knows its name. */
  async #reopen(id: string, { path, stretches }: TakenUp): Promise<BlobDraft | undefined> {
    try {
      const file = await this.#fs.open(path, readAndWrite);
      const facts = await statOrClose(file, path);
      const isAsLeft = facts.isFile() && facts.size === stretches.at(-1)?.end;
      if (isAsLeft) return this.#draft({ path, id, there: stretches }, file);
      await closeQuietly(file);
    } catch (error) {
      await this.#fs.unlink(path);
      throw error;
    }
    await this.#fs.unlink(path);
    return undefined;
  }

  #tellPassedOver(count: number, first: unknown): void {
    const error = storeFailure(first, "look at what is kept");
    this.#observe({ kind: "blobsPassedOver", count, error });
  }

  async #look(blob: NamedBlob): Promise<ListedBlob | undefined> {
    const facts = await this.#index.facts(blob);
    if (facts?.isFile() !== true) return undefined;
    const usedAt = Math.max(facts.atimeMs, facts.mtimeMs);
    const { isVerified } = this.#index.statOf(blob);
    return { digest: blob.digest, size: facts.size, usedAt, isVerified };
  }

  /** Undefined when there is no file of that name, or only a link. */
  async #openFile(path: string): Promise<OpenFile | undefined> {
    try {
      return await this.#fs.open(path, readOnly);
    } catch (error) {
      const code = systemCode(error);
      if (code === "ENOENT" || code === "ELOOP") return undefined;
      throw storeFailure(error, `open ${path}`);
    }
  }
}

function isAsNamed(facts: FileFacts | undefined, blob: NamedBlob): boolean {
  return facts?.isFile() === true && facts.size === blob.size;
}

async function statOrClose(file: OpenFile, path: string): Promise<FileFacts> {
  try {
    return await file.stat();
  } catch (error) {
    await closeQuietly(file);
    throw storeFailure(error, `look at ${path}`);
  }
}
