/**
 * A data folder that is being made out of a backup. Until it is whole a file in it keeps every start
 * out; a restore that was broken off is begun anew in the same folder.
 */
import { lchown, mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { StoreError, storeErrorFrom } from "../store-error.ts";
import { printVerified } from "./clean-marker.ts";
import { nodeFileSystem, storeFailure, syncPath, systemCode } from "./file-system.ts";
import { type Lock, takeLock } from "./lock-file.ts";
import { writeWhole } from "./whole-file.ts";

/** Is there as long as a folder is restored in part. */
export const unfinishedRestore = "restore.unfinished";

const ours = /^(?:lock(?:\.pid)?|lost\+found|\..*)$/;

export class RestoredFolder {
  readonly path: string;
  readonly #lock: Lock;

  /**
   * Makes the folder, or takes an empty one. Throws StoreError LOCKED or FORMAT with a sentence for the
   * operator when a server has it, or anything is in it.
   */
  static async begin(path: string): Promise<RestoredFolder> {
    const names = await namesIn(path);
    const isBrokenOff = names.includes(unfinishedRestore);
    const isLockable = names.includes("lock") || isBrokenOff;
    // Who has a server in it is told so, and not that it is not empty.
    const lock = isLockable ? takeLock(path) : undefined;
    try {
      const found = names.find((name) => !ours.test(name));
      if (found !== undefined && !isBrokenOff) throw notEmpty(path);
      const restored = new RestoredFolder(path, lock ?? takeLock(path));
      await restored.#clear(names.filter((name) => !ours.test(name) && name !== unfinishedRestore));
      return restored;
    } catch (error) {
      lock?.release();
      throw storeFailure(error, `restore into ${path}`);
    }
  }

  private constructor(path: string, lock: Lock) {
    this.path = path;
    this.#lock = lock;
  }

  /** Everything is in it and on the platter: from now on a server starts with it. Throws StoreError. */
  async finish(format: string): Promise<void> {
    try {
      await writeWhole(this.path, "clean", printVerified("all"));
      await writeWhole(this.path, "VERSION", `${format}\n`);
      await this.#handOver();
      await rm(join(this.path, unfinishedRestore));
      await syncPath(nodeFileSystem, this.path);
    } catch (error) {
      throw storeFailure(error, `restore into ${this.path}`);
    }
  }

  /** Idempotent. */
  release(): void {
    this.#lock.release();
  }

  /** The mark first, so that nothing here is ever taken for something whole. */
  async #clear(leftovers: readonly string[]): Promise<void> {
    await writeWhole(this.path, unfinishedRestore, "");
    for (const name of leftovers) await rm(join(this.path, name), { recursive: true });
    await mkdir(join(this.path, "blobs"), { mode: 0o700 });
  }

  /** What root has restored belongs to whom the folder belongs to. */
  async #handOver(): Promise<void> {
    const { uid, gid } = await stat(this.path);
    if (process.getuid?.() !== 0 || uid === 0) return;
    for (const name of await readdir(this.path, { recursive: true })) {
      await lchown(join(this.path, name), uid, gid);
    }
  }
}

async function namesIn(path: string): Promise<readonly string[]> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    return await readdir(path);
  } catch (error) {
    const code = systemCode(error) ?? String(error);
    throw storeErrorFrom(
      error,
      "FORMAT",
      `${path} cannot be restored into (${code}); name another folder`,
    );
  }
}

function notEmpty(path: string): StoreError {
  const sentence = `${path} is not empty; move it away first, or name an empty folder with --data-dir`;
  return new StoreError("FORMAT", sentence);
}
