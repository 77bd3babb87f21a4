/** A file on its way to the store, and the hash of exactly what is in it, even after a failed write. */
import { createHash, type Hash } from "node:crypto";
import { type Digest, digestAlgorithm, toDigest } from "../protocol/digest.ts";
import type { BlobDraft, BlobStore } from "../store/blob-store.ts";
import { StoreError } from "../store/store-error.ts";

export class HashedDraft {
  readonly #digest: Digest;
  readonly #blobs: BlobStore;
  #draft: BlobDraft | undefined;
  #hash: Hash;
  #written = 0;

  constructor(digest: Digest, blobs: BlobStore) {
    this.#digest = digest;
    this.#blobs = blobs;
    this.#hash = createHash(digestAlgorithm(digest));
  }

  /** Bytes that can be read, and that the hash covers. */
  get written(): number {
    return this.#written;
  }

  /** The file is made with its first bytes, so that a refused download leaves no trace. Throws StoreError. */
  async append(bytes: Uint8Array): Promise<void> {
    const before = this.#hash.copy();
    try {
      this.#draft ??= await this.#blobs.create();
      const appended = this.#draft.append(bytes);
      this.#hash.update(bytes); // while the disk is at work
      await appended;
      this.#written += bytes.length;
    } catch (error) {
      this.#hash = before;
      throw error;
    }
  }

  /** Resolves with the bytes read, never 0 below `written`. Throws StoreError. */
  async read(buffer: Uint8Array, position: number): Promise<number> {
    const length = (await this.#draft?.read(buffer, position)) ?? 0;
    if (length > 0) return length;
    throw new StoreError("IO", `a file of ${this.#written} bytes has none at ${position}`);
  }

  /** A copy of the hash of all that is written. */
  hash(): Hash {
    return this.#hash.copy();
  }

  /** Whether all that is written is what the digest says. */
  isRight(): boolean {
    return toDigest(digestAlgorithm(this.#digest), this.hash().digest("hex")) === this.#digest;
  }

  /** Puts it into the store. Throws StoreError. */
  async commit(): Promise<void> {
    this.#draft ??= await this.#blobs.create();
    await this.#draft.commit(this.#digest);
  }

  /** Throws it away unless it was committed; what is written can be read on. Never rejects. */
  async discard(): Promise<void> {
    await this.#draft?.discard();
  }

  async close(): Promise<void> {
    await this.#draft?.close();
  }
}
