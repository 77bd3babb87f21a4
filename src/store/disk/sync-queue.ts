/**
 * Brings cache fills to the platter one after the other, behind everybody's back, so that a clean
 * stop can vouch for them. A sync that failed is never tried again: the kernel forgets the bytes it
 * could not write and would report success the second time. One that was not even begun, because
 * this process has too many files open, waits for the next occasion.
 */
import { dirname } from "node:path";
import type { Digest } from "../../protocol/digest.ts";
import {
  type FileSystem,
  isOutOfFiles,
  storeFailure,
  syncPath,
  systemCode,
} from "./file-system.ts";

export type SyncFailure = (digest: Digest, error: Error) => Promise<void>;

export class SyncQueue {
  readonly #fs: FileSystem;
  readonly #onFailure: SyncFailure;
  readonly #waiting = new Map<Digest, string>();
  readonly #folders = new Set<string>();
  #running: Promise<void> | undefined;
  #deadline: AbortSignal | undefined;
  #isSound = true;

  constructor(fs: FileSystem, onFailure: SyncFailure) {
    this.#fs = fs;
    this.#onFailure = onFailure;
  }

  add(digest: Digest, path: string): void {
    this.#waiting.set(digest, path);
    this.addFolder(dirname(path));
    this.#running ??= this.#run();
  }

  addFolder(path: string): void {
    this.#folders.add(path);
  }

  /** Something that was vouched for may be lost; a clean stop would be a lie. */
  taint(): void {
    this.#isSound = false;
  }

  /**
   * True once everything added so far is on the platter; false when something is not, or `deadline`
   * aborts first (the file being synced then is still waited for).
   */
  async drain(deadline?: AbortSignal): Promise<boolean> {
    this.#deadline = deadline;
    if (this.#waiting.size > 0 && deadline?.aborted !== true) this.#running ??= this.#run();
    await this.#running;
    for (const folder of [...this.#folders]) await this.#syncFolder(folder);
    return this.#isSound && this.#waiting.size === 0 && this.#folders.size === 0;
  }

  async #run(): Promise<void> {
    for (const [digest, path] of this.#waiting) {
      if (this.#deadline?.aborted) break;
      this.#waiting.delete(digest);
      try {
        await syncPath(this.#fs, path);
      } catch (error) {
        if (isOutOfFiles(error)) {
          if (!this.#waiting.has(digest)) this.#waiting.set(digest, path);
          break;
        }
        await this.#report(digest, error);
      }
    }
    this.#running = undefined;
  }

  async #report(digest: Digest, error: unknown): Promise<void> {
    // Evicted meanwhile: nothing to vouch for.
    if (systemCode(error) === "ENOENT") return;
    this.#isSound = false;
    await this.#onFailure(digest, storeFailure(error, `sync ${digest}`));
  }

  async #syncFolder(folder: string): Promise<void> {
    this.#folders.delete(folder);
    try {
      await syncPath(this.#fs, folder);
    } catch (error) {
      if (isOutOfFiles(error)) this.#folders.add(folder);
      else this.#isSound = false;
    }
  }
}
