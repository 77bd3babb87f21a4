/**
 * A file under `partial/` that becomes a blob, or nothing. Bytes beyond `written` are never read, so
 * what a failed append left behind does no harm.
 */
import type { Digest } from "../../protocol/digest.ts";
import type { BlobDraft } from "../blob-store.ts";
import { StoreError } from "../store-error.ts";
import { type FileSystem, storeFailure } from "./file-system.ts";
import type { HeldFile } from "./held-file.ts";

/** A draft as the store puts it under its final name. */
export type Finished = {
  readonly path: string;
  readonly size: number;
  readonly file: HeldFile;
  readonly isDurable: boolean;
};

export type DraftParts = {
  readonly fs: FileSystem;
  readonly path: string;
  readonly file: HeldFile;
  /** Puts the file under its final name, or throws and leaves no final name behind. */
  readonly place: (digest: Digest, finished: Finished) => Promise<void>;
  /** Takes the file over for a write that goes on with it, or throws. */
  readonly keep: (label: string, path: string, size: number) => Promise<void>;
  /** Bytes that are in the file already. */
  readonly written?: number;
};

export class DiskDraft implements BlobDraft {
  readonly #parts: DraftParts;
  #written: number;
  #isEnded = false;

  constructor(parts: DraftParts) {
    this.#parts = parts;
    this.#written = parts.written ?? 0;
  }

  get written(): number {
    return this.#written;
  }

  async append(chunk: Uint8Array): Promise<void> {
    if (this.#isEnded) throw new StoreError("IO", `${this.#parts.path} takes no more bytes`);
    await this.#parts.file.write(chunk, this.#written);
    this.#written += chunk.length;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    const length = Math.min(buffer.length, this.#written - position);
    return length > 0 ? this.#parts.file.read(buffer, position, length) : 0;
  }

  async commit(digest: Digest, options?: { readonly isDurable?: boolean }): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const { path, file, place } = this.#parts;
    try {
      await file.settle(this.#written);
      const isDurable = options?.isDurable ?? false;
      await place(digest, { path, size: this.#written, file, isDurable });
    } catch (error) {
      await this.#remove();
      throw storeFailure(error, `keep ${digest}`);
    }
  }

  async discard(): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    await this.#remove();
  }

  async setAside(label: string): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const { path, file, keep } = this.#parts;
    try {
      await file.settle(this.#written);
      await keep(label, path, this.#written);
    } catch {
      await this.#remove();
    }
  }

  async close(): Promise<void> {
    await this.discard();
    await this.#parts.file.close();
  }

  async #remove(): Promise<void> {
    try {
      await this.#parts.fs.unlink(this.#parts.path);
    } catch {
      // Already gone, or the volume is broken: the sweep at the next start takes what is left.
    }
  }
}
