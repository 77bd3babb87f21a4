/**
 * The final names and everything that gives or takes one, one step at a time for each digest: a
 * rename gives it, an unlink takes it, and what is held is never taken.
 */
import { dirname, join } from "node:path";
import type { Digest } from "../../protocol/digest.ts";
import { KeyedMutex } from "../../runtime/keyed-mutex.ts";
import type { BlobStat } from "../blob-store.ts";
import type { Holds } from "../holds.ts";
import type { ObserveStore } from "../store-event.ts";
import { BlobNames, type NamedBlob } from "./blob-names.ts";
import type { DataFolder } from "./data-folder.ts";
import type { Finished } from "./disk-draft.ts";
import {
  type FileFacts,
  type FileSystem,
  identityOf,
  makeFolder,
  storeFailure,
  syncPath,
  systemCode,
} from "./file-system.ts";
import { SyncQueue } from "./sync-queue.ts";

import { VerifiedSet } from "./verified-set.ts";

export type BlobIndexParts = {
  readonly fs: FileSystem;
  readonly holds: Holds;
  readonly observe: ObserveStore;
};

export class BlobIndex {
  readonly #folder: DataFolder;
  readonly #parts: BlobIndexParts;
  readonly #names: BlobNames;
  readonly #verifiedSet: VerifiedSet;
  readonly #mutex = new KeyedMutex<Digest>();
  readonly #syncs: SyncQueue;

  constructor(folder: DataFolder, parts: BlobIndexParts) {
    this.#folder = folder;
    this.#parts = parts;
    this.#names = new BlobNames(parts.fs, join(folder.path, "blobs"));
    this.#verifiedSet = new VerifiedSet(folder.verified);
    this.#syncs = new SyncQueue(parts.fs, (digest, error) => this.#giveUp(digest, error));
  }

  /** Name and recorded size of a kept blob. Throws StoreError IO. */
  async find(digest: Digest): Promise<NamedBlob | undefined> {
    const size = await this.#names.sizeOf(digest);
    if (size === undefined) return undefined;
    return { digest, size, path: this.#names.pathOf(digest, size) };
  }

  walk(onFailure: (error: unknown) => void): AsyncIterable<readonly NamedBlob[]> {
    return this.#names.walk(onFailure);
  }

  statOf(blob: NamedBlob): BlobStat {
    return { size: blob.size, isVerified: this.#verifiedSet.has(blob.digest) };
  }

  /** The file is not what its name says, or not there: the name goes, unless it is right after all. */
  async recheck(blob: NamedBlob): Promise<void> {
    await this.#mutex.run(blob.digest, async () => {
      const facts = await this.facts(blob);
      if (facts?.isFile() === true && facts.size === blob.size) return;
      if (facts?.isFile() !== true) return this.#names.forget(blob.digest);
      await this.#condemn(blob);
      if (this.#parts.holds.isOnlyHere(blob.digest)) return;
      this.#parts.observe({ kind: "blobDropped", digest: blob.digest, size: facts.size });
    });
  }

  /** Undefined when there is no such file. */
  async facts(blob: NamedBlob): Promise<FileFacts | undefined> {
    try {
      return await this.#parts.fs.lstat(blob.path);
    } catch (error) {
      if (systemCode(error) === "ENOENT") return undefined;
      throw storeFailure(error, `look at ${blob.path}`);
    }
  }

  place(digest: Digest, finished: Finished): Promise<void> {
    return this.#mutex.run(digest, async () => {
      const before = await this.find(digest);
      const changed = await this.#names.makeFolderOf(digest);
      if (finished.isDurable) await finished.file.sync();
      const path = this.#names.pathOf(digest, finished.size);
      await this.#parts.fs.rename(finished.path, path);
      this.#names.remember(digest, finished.size);
      this.#verifiedSet.add(digest);
      if (before !== undefined && before.path !== path) await this.#unlink(before.path);
      if (finished.isDurable) return this.#syncNames(digest, [dirname(path), ...changed]);
      for (const folder of changed) this.#syncs.addFolder(folder);
      this.#syncs.add(digest, path);
    });
  }

  /** False when there is no such blob or it is held. */
  remove(digest: Digest): Promise<boolean> {
    return this.#mutex.run(digest, async () => {
      const blob = await this.find(digest);
      if (blob === undefined || this.#parts.holds.isOnlyHere(digest)) return false;
      return this.#remove(blob);
    });
  }

  /** False when there is no such blob, or another file has taken the place of the one that is meant. */
  condemn(digest: Digest, identity: string): Promise<boolean> {
    return this.#mutex.run(digest, async () => {
      const blob = await this.find(digest);
      const facts = blob === undefined ? undefined : await this.facts(blob);
      if (blob === undefined || facts === undefined || identityOf(facts) !== identity) return false;
      return this.#condemn(blob);
    });
  }

  verified(digest: Digest): void {
    const size = this.#names.knownSizeOf(digest);
    if (size === undefined || !this.#verifiedSet.add(digest)) return;
    // The bytes that were hashed may have come from memory that the disk never saw.
    this.#syncs.add(digest, this.#names.pathOf(digest, size));
  }

  allVerified(): void {
    this.#verifiedSet.addAll();
  }

  /** Vouches for what is kept if all of it reaches the platter before `deadline`. */
  async settle(deadline?: AbortSignal): Promise<void> {
    if (await this.#syncs.drain(deadline))
      await this.#folder.markClean(this.#verifiedSet.snapshot());
  }

  /** The name is forgotten in the tick of the last look at the holds; the file follows. */
  async #remove(blob: NamedBlob): Promise<boolean> {
    this.#names.forget(blob.digest);
    try {
      await this.#unlink(blob.path);
    } catch (error) {
      this.#names.remember(blob.digest, blob.size);
      throw storeFailure(error, `delete ${blob.path}`);
    }
    this.#verifiedSet.remove(blob.digest);
    return true;
  }

  async #condemn(blob: NamedBlob): Promise<boolean> {
    if (!this.#parts.holds.isOnlyHere(blob.digest)) return this.#remove(blob);
    const folder = join(this.#folder.path, "quarantine");
    const path = join(
      folder,
      blob.path.slice(join(this.#folder.path, "blobs").length + 1).replaceAll("/", "-"),
    );
    try {
      await makeFolder(this.#parts.fs, folder);
      await this.#parts.fs.rename(blob.path, path);
    } catch (error) {
      throw storeFailure(error, `set ${blob.path} aside`);
    }
    this.#names.forget(blob.digest);
    this.#verifiedSet.remove(blob.digest);
    this.#parts.observe({ kind: "blobQuarantined", digest: blob.digest, path });
    return true;
  }

  async #unlink(path: string): Promise<void> {
    try {
      await this.#parts.fs.unlink(path);
    } catch (error) {
      if (systemCode(error) !== "ENOENT") throw error;
    }
  }

  async #syncNames(digest: Digest, folders: readonly string[]): Promise<void> {
    try {
      for (const folder of folders) await syncPath(this.#parts.fs, folder);
    } catch (error) {
      this.#syncs.taint();
      const blob = await this.find(digest);
      if (blob !== undefined && !this.#parts.holds.isOnlyHere(digest)) await this.#remove(blob);
      throw storeFailure(error, `sync the name of ${digest}`);
    }
  }

  async #giveUp(digest: Digest, error: Error): Promise<void> {
    this.#parts.observe({ kind: "syncFailed", digest, error });
    try {
      await this.remove(digest);
    } catch {
      // The volume takes no deletes either; the next start trusts nothing, so nothing is lost.
    }
  }
}
