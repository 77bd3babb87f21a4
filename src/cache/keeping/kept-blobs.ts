/**
 * Opens kept blobs for readers: straight from the store, or hashed again on the way out when an
 * unclean stop left them in doubt. A disk that fails is told of and reads as "not kept", also when a
 * blob opens and its first wanted byte cannot be read. What fails further on, where bytes are out
 * already, is fetched anew by whoever asks next.
 */

import type { BytePlace, ByteSource } from "../../download/byte-source.ts";
import type { Digest } from "../../protocol/digest.ts";
import { BoundedMap } from "../../runtime/bounded-map.ts";
import type { BlobReader, BlobStat, BlobStore } from "../../store/blob-store.ts";
import { StoreError } from "../../store/store-error.ts";
import type { Observe } from "../cache-event.ts";
import type { Usage } from "./usage.ts";

/** What hashes a blob while it is read (download/verifying-reads.ts). */
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
  readonly #trusted = new BoundedMap<Digest, true>({ limit: 20_000 });
  /** Could not be read, though they are there. */
  readonly #unreadable = new BoundedMap<Digest, true>({ limit: 10_000 });

  constructor(options: KeptBlobsOptions) {
    this.#options = options;
  }

  /** Undefined when it is not kept, or the first byte wanted of so many cannot be read. */
  async open(
    digest: Digest,
    firstByte: (size: number) => number = () => 0,
  ): Promise<ByteSource | undefined> {
    const { usage, observe } = this.#options;
    if (this.#unreadable.get(digest)) return undefined;
    const stopReading = usage.reading(digest);
    try {
      const isTrusted = this.#trusted.get(digest) === true || (await this.#isTrusted(digest));
      const bytes = isTrusted
        ? await this.#openTrusted(digest, firstByte)
        : await this.#options.rechecks.open(digest);
      const onUnreadable = (error: StoreError): void => this.#giveUp(digest, error);
      if (bytes !== undefined)
        return new KeptSource(bytes, { onUnreadable, onClosed: stopReading });
    } catch (error) {
      observe({ kind: "diskFailed", error });
    }
    stopReading();
    this.#trusted.delete(digest);
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

  /** Whether it may be kept: no when it is not, or cannot be looked at. */
  async isThere(digest: Digest): Promise<boolean> {
    return this.#trusted.get(digest) === true || (await this.stat(digest)) !== undefined;
  }

  /** It is gone, was found to be wrong, or has come anew. */
  forget(digest: Digest): void {
    this.#trusted.delete(digest);
    this.#unreadable.delete(digest);
  }

  async #openTrusted(
    digest: Digest,
    firstByte: (size: number) => number,
  ): Promise<BlobReader | undefined> {
    const reader = await this.#options.blobs.open(digest);
    if (reader === undefined) return undefined;
    try {
      await reader.read(Buffer.allocUnsafe(1), firstByte(reader.size));
      return reader;
    } catch (error) {
      await reader.close();
      if (!(error instanceof StoreError)) throw error;
      this.#giveUp(digest, error);
      return undefined;
    }
  }

  #giveUp(digest: Digest, error: StoreError): void {
    if (this.#unreadable.get(digest)) return;
    this.#unreadable.set(digest, true);
    this.#options.observe({ kind: "diskFailed", error });
  }

  /** Whether it needs no hashing; true too when there is nothing to hash. */
  async #isTrusted(digest: Digest): Promise<boolean> {
    const stat = await this.#options.blobs.stat(digest);
    if (stat?.isVerified === true) this.#trusted.set(digest, true);
    return stat?.isVerified !== false;
  }
}

type KeptSourceEvents = {
  readonly onUnreadable: (error: StoreError) => void;
  readonly onClosed: () => void;
};

/** A reader of the store, or of a recheck, that counts as reading until it is closed. */
class KeptSource implements ByteSource {
  readonly #bytes: BlobReader | ByteSource;
  readonly #events: KeptSourceEvents;
  #isClosed = false;

  constructor(bytes: BlobReader | ByteSource, events: KeptSourceEvents) {
    this.#bytes = bytes;
    this.#events = events;
  }

  get size(): number | undefined {
    return this.#bytes.size;
  }

  get place(): BytePlace {
    return this.#bytes.place;
  }

  async read(buffer: Uint8Array, position: number, signal: AbortSignal): Promise<number> {
    try {
      return await this.#bytes.read(buffer, position, signal);
    } catch (error) {
      if (error instanceof StoreError && !this.#isClosed) this.#events.onUnreadable(error);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#bytes.close();
    this.#events.onClosed();
  }
}
