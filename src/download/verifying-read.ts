/**
 * A kept blob that an unclean stop left in doubt, hashed while it is read: it grows like a download,
 * and its tail is held back like one, until its bytes have proven to be right.
 */
import { createHash } from "node:crypto";
import { type Digest, digestAlgorithm, toDigest } from "../protocol/digest.ts";
import type { BlobReader, BlobStore } from "../store/blob-store.ts";
import type { BlobVerification } from "../store/blob-verification.ts";
import { StoreError } from "../store/store-error.ts";
import type { Bookkeeping } from "./bookkeeping.ts";
import { DownloadError } from "./download-error.ts";
import type { ObserveDownloads } from "./download-event.ts";
import type { GrowingBlob } from "./growing-blob.ts";
import { Progress, type Want } from "./progress.ts";
import { ReaderSet } from "./tail-reader.ts";

const stretch = 256 * 1024;

export type VerifyingReadParts = {
  readonly blobs: Pick<BlobStore, "open"> & BlobVerification;
  readonly books: Pick<Bookkeeping, "gone">;
  readonly observe: ObserveDownloads;
};

export class VerifyingRead implements GrowingBlob {
  readonly readers: ReaderSet;
  /** How far the hashing is. */
  readonly progress = new Progress();
  readonly #digest: Digest;
  readonly #parts: VerifyingReadParts;
  readonly #opened = Promise.withResolvers<boolean>();
  #file: BlobReader | undefined;
  #isStopped = false;

  constructor(digest: Digest, parts: VerifyingReadParts) {
    this.#digest = digest;
    this.#parts = parts;
    this.readers = new ReaderSet(
      async () => this.#file?.close(),
      () => undefined,
    );
  }

  /** Resolves with whether there is such a blob. Rejects with StoreError. */
  get isHeld(): Promise<boolean> {
    return this.#opened.promise;
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Hashes all of it, whoever reads; to be called once. Never rejects. */
  async run(): Promise<void> {
    try {
      this.#file = await this.#parts.blobs.open(this.#digest);
      this.#opened.resolve(this.#file !== undefined);
      if (this.#file !== undefined) await this.#hash(this.#file);
    } catch (error) {
      this.#opened.reject(error);
      this.#opened.promise.catch(() => undefined);
      await this.#fail(error);
    }
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    const length = (await this.#file?.read(buffer, position)) ?? 0;
    if (length > 0) return length;
    throw new StoreError("IO", `${this.#digest} ends at ${position}`);
  }

  wait(want: Want, signal: AbortSignal): Promise<void> {
    return this.progress.wait(want, signal);
  }

  async #hash(file: BlobReader): Promise<void> {
    this.progress.declare(file.size);
    const algorithm = digestAlgorithm(this.#digest);
    const hash = createHash(algorithm);
    const buffer = Buffer.allocUnsafeSlow(Math.min(stretch, file.size));
    while (this.progress.written < file.size) {
      if (this.#isStopped) throw new DownloadError("ABANDONED", "the hashing was stopped");
      const length = await file.read(buffer, this.progress.written);
      if (length === 0) throw new DownloadError("WRONG_LENGTH", `${this.#digest} is cut short`);
      hash.update(buffer.subarray(0, length));
      this.progress.add(this.progress.written, this.progress.written + length);
    }
    if (toDigest(algorithm, hash.digest("hex")) !== this.#digest) {
      throw new DownloadError("WRONG_DIGEST", `what is kept is not ${this.#digest}`);
    }
    this.#parts.blobs.markVerified(this.#digest);
    this.progress.complete();
  }

  /** Drops wrong bytes before anyone hears of it, so that who asks again finds none. */
  async #fail(error: unknown): Promise<void> {
    if (error instanceof StoreError) this.#parts.observe({ kind: "diskFailed", error });
    else if (!this.#isStopped && this.#file !== undefined) await this.#condemn(this.#file);
    this.progress.fail(error instanceof Error ? error : new Error("unknown", { cause: error }));
  }

  /** Unless others have brought the right bytes meanwhile. */
  async #condemn(file: BlobReader): Promise<void> {
    const { blobs, books, observe } = this.#parts;
    try {
      if (!(await blobs.condemn(this.#digest, file.place.identity))) return;
    } catch (failure) {
      observe({ kind: "diskFailed", error: failure });
    }
    books.gone(this.#digest);
    observe({ kind: "blobCorrupted", digest: this.#digest, foundBy: "recheck" });
  }
}
