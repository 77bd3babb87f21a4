/** A kept blob, open: stays readable until closed, whatever happens to its name. */
import type { BlobReader } from "../blob-store.ts";
import { type FileFacts, identityOf } from "./file-system.ts";
import type { HeldFile } from "./held-file.ts";

export class DiskReader implements BlobReader {
  readonly #file: HeldFile;
  readonly #facts: FileFacts;

  constructor(file: HeldFile, facts: FileFacts) {
    this.#file = file;
    this.#facts = facts;
  }

  get size(): number {
    return this.#facts.size;
  }

  get identity(): string {
    return identityOf(this.#facts);
  }

  read(buffer: Uint8Array, position: number): Promise<number> {
    return this.#file.read(buffer, position);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
