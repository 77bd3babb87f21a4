/** A kept blob, open: stays readable until closed, whatever happens to its name. */
import type { BlobReader } from "../blob-store.ts";
import type { HeldFile } from "./held-file.ts";

export class DiskReader implements BlobReader {
  readonly size: number;
  readonly #file: HeldFile;

  constructor(file: HeldFile, size: number) {
    this.#file = file;
    this.size = size;
  }

  read(buffer: Uint8Array, position: number): Promise<number> {
    return this.#file.read(buffer, position);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
