/**
 * Opens kept blobs for readers: straight from the store, or hashed again on the way out when an
 * unclean stop left them in doubt. A disk that fails is told of and reads as "not kept".
 */
import type { Digest } from "../protocol/digest.ts";
import type { BlobReader, BlobStat, BlobStore } from "../store/blob-store.ts";
import { BoundedMap } from "./bounded-map.ts";
import type { Observe } from "./cache-event.ts";
import type { ByteSource } from "./content.ts";
import type { Usage } from "./usage.ts";

/** What hashes a blob while it is read (rechecks.ts). */
export interface Rechecking {
  open(digest: Digest): Promise<ByteSource | undefined>;
}

export type KeptBlobsOptions = {
  readonly blobs: BlobStore;
  readonly rechecks: Rechecking;
  readonly usage: Usage;
  readonly observe: Observe;
};

export class KeptBlobs {
  readonly #options: KeptBlobsOptions;
  /** Known to be right since this process started: no need to look again. */
  readonly #trusted = new BoundedMap<Digest, true>({ limit: 200_000 });

  constructor(options: KeptBlobsOptions) {
    this.#options = options;
  }

  /** Undefined when it is not kept, or cannot be read. */
  async open(digest: Digest): Promise<ByteSource | undefined> {
    const { blobs, rechecks, usage, observe } = this.#options;
    const stopReading = usage.reading(digest);
    try {
      const isTrusted = this.#trusted.get(digest) === true || (await this.#isTrusted(digest));
      const source = isTrusted ? await blobs.open(digest) : await rechecks.open(digest);
      if (source !== undefined) return new KeptSource(source, stopReading);
    } catch (error) {
      observe({ kind: "diskFailed", error });
    }
    stopReading();
    this.forget(digest);
    return undefined;
  }

  /** Undefined when it is not kept, or cannot be looked at. */
  async stat(digest: Digest): Promise<BlobStat | undefined> {
    try {
      return await this.#options.blobs.stat(digest);
    } catch (error) {
      this.#options.observe({ kind: "diskFailed", error });
      return undefined;
    }
  }

  /** It is gone, or was found to be wrong. */
  forget(digest: Digest): void {
    this.#trusted.delete(digest);
  }

  /** Whether it needs no hashing; true too when there is nothing to hash. */
  async #isTrusted(digest: Digest): Promise<boolean> {
    const stat = await this.#options.blobs.stat(digest);
    if (stat?.isVerified === true) this.#trusted.set(digest, true);
    return stat?.isVerified !== false;
  }
}

/** A reader of the store, or of a recheck, that counts as reading until it is closed. */
class KeptSource implements ByteSource {
  readonly #bytes: BlobReader | ByteSource;
  readonly #onClosed: () => void;

  constructor(bytes: BlobReader | ByteSource, onClosed: () => void) {
    this.#bytes = bytes;
    this.#onClosed = onClosed;
  }

  get size(): number | undefined {
    return this.#bytes.size;
  }

  read(buffer: Uint8Array, position: number, signal: AbortSignal): Promise<number> {
    return this.#bytes.read(buffer, position, signal);
  }

  async close(): Promise<void> {
    await this.#bytes.close();
    this.#onClosed();
  }
}
