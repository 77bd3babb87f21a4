/**
 * Kept blobs that an unclean stop left in doubt: hashed again while they are first served, once for
 * all who read meanwhile. Wrong bytes never complete at a reader, and the blob is dropped.
 */
import type { Digest } from "../protocol/digest.ts";
import type { BlobStore } from "../store/blob-store.ts";
import type { Observe } from "./cache-event.ts";
import type { ByteSource } from "./content.ts";

export type RechecksOptions = { readonly blobs: BlobStore; readonly observe: Observe };

export class Rechecks {
  readonly #options: RechecksOptions;

  constructor(options: RechecksOptions) {
    this.#options = options;
  }

  /** A reader of the blob while it is hashed; undefined when it is not held. Throws StoreError IO. */
  open(digest: Digest): Promise<ByteSource | undefined> {
    throw new Error(`not yet: ${digest} ${this.#options.blobs}`);
  }

  /** Stops everything and closes every file. */
  async close(): Promise<void> {}
}
