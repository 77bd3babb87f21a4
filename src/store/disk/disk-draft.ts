/**
 * A file under `partial/` that becomes a blob, or nothing. Only what a write has finished is ever
 * read, so what a failed one left behind does no harm.
 */
import type { Digest } from "../../protocol/digest.ts";
import { type Interval, Intervals } from "../../runtime/intervals.ts";
import type { BlobDraft } from "../draft-store.ts";
import { StoreError } from "../store-error.ts";
import { type FileSystem, storeFailure } from "./file-system.ts";
import type { HeldFile } from "./held-file.ts";
import { GrowingMap, mapPathOf, mapSpacing } from "./partial-map.ts";

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
  readonly keep: (id: string, path: string, stretches: readonly Interval[]) => Promise<void>;
  /** Tells the next start what is there, should this process crash. */
  readonly remember?: ((stretches: readonly Interval[]) => Promise<void>) | undefined;
  /** What is in the file already. */
  readonly there?: readonly Interval[];
};

export class DiskDraft implements BlobDraft {
  readonly #parts: DraftParts;
  readonly #there: Intervals;
  /** Of what is large enough for one. */
  #map: GrowingMap | undefined;
  #isEnded = false;

  constructor(parts: DraftParts) {
    this.#parts = parts;
    this.#there = new Intervals(parts.there);
  }

  get stretches(): readonly Interval[] {
    return this.#there.all;
  }

  get written(): number {
    return this.#there.endOf(0);
  }

  endOf(position: number): number {
    return this.#there.endOf(position);
  }

  async write(chunk: Uint8Array, position: number): Promise<void> {
    if (this.#isEnded) throw new StoreError("IO", `${this.#parts.path} takes no more bytes`);
    await this.#parts.file.write(chunk, position);
    this.#there.add(position, position + chunk.length);
    if (this.#there.total >= mapSpacing) this.#drawMap();
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    const length = Math.min(buffer.length, this.endOf(position) - position);
    return length > 0 ? this.#parts.file.read(buffer, position, length) : 0;
  }

  async commit(digest: Digest, options?: { readonly isDurable?: boolean }): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const { path, file, place } = this.#parts;
    try {
      const size = this.written;
      if (this.#there.end > size) throw new StoreError("IO", `${path} has a gap at ${size}`);
      await file.settle(size);
      await this.#forget();
      const isDurable = options?.isDurable ?? false;
      await place(digest, { path, size, file, isDurable });
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

  async setAside(id: string): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const { path, file, keep } = this.#parts;
    try {
      await file.settle(this.#there.end);
      await this.#forget();
      await keep(id, path, this.#there.all);
    } catch {
      await this.#remove();
    }
  }

  async close(): Promise<void> {
    await this.discard();
    await this.#parts.file.close();
  }

  #drawMap(): void {
    const { remember } = this.#parts;
    if (this.#isEnded || remember === undefined) return;
    this.#map ??= new GrowingMap(remember);
    this.#map.grown(this.#there);
  }

  async #remove(): Promise<void> {
    await this.#unlink(this.#parts.path);
    await this.#forget();
  }

  /** Its map says nothing any more. */
  async #forget(): Promise<void> {
    if (this.#map === undefined) return;
    await this.#map.settled();
    await this.#unlink(mapPathOf(this.#parts.path));
  }

  async #unlink(path: string): Promise<void> {
    try {
      await this.#parts.fs.unlink(path);
    } catch {
      // Already gone, or the volume is broken: the sweep at the next start takes what is left.
    }
  }
}
