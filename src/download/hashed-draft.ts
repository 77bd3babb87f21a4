/**
 * A file on its way to the store, and the hash of exactly what is in it, even after a failed write.
 * Where nothing is to be kept, bytes that pass take the place of the file.
 */
import { createHash, type Hash } from "node:crypto";
import { type Digest, digestAlgorithm, toDigest } from "../protocol/digest.ts";
import type { BlobDraft, DraftStore } from "../store/draft-store.ts";
import { StoreError } from "../store/store-error.ts";
import { type Checkpoint, Checkpoints } from "./checkpoints.ts";
import { DownloadError } from "./download-error.ts";
import { PassingBytes } from "./passing-bytes.ts";
import { SharedReads } from "./shared-reads.ts";

/** Less than this is fetched again as quickly. */
const worthKeeping = 1024 * 1024;

const stretch = 256 * 1024;

export type HashedDraftParts = {
  readonly digest: Digest;
  readonly blobs: DraftStore;
  /** More bytes than this are not kept. */
  readonly mostKept: number;
  /** Called once with the size, if that is known. */
  readonly onTooLarge: (size: number | undefined) => void;
  /** Called when the file can be written, or read back, no more: what cannot be read must not be kept. */
  readonly onFailed: (error: unknown) => void;
  /** Ends the wait for readers of what is not kept. */
  readonly signal: AbortSignal;
};

export class HashedDraft {
  readonly #parts: HashedDraftParts;
  #draft: BlobDraft | undefined;
  /** Of an earlier download, until it is clear that its bytes are wanted. */
  #left: BlobDraft | undefined;
  #leftLength = 0;
  #id: string | undefined;
  readonly #fileReads = new SharedReads(
    async (buffer, position) => await this.#readFile(buffer, position),
  );
  #passing: PassingBytes | undefined;
  /** Of what is written; never changed, only replaced. */
  #hash: Hash;
  readonly #checkpoints: Checkpoints;
  #written = 0;
  /** Its first bytes are on their way: where they went, all others go. */
  #hasBegun = false;
  /** How far somebody waits to read. */
  #awaited = 0;

  constructor(parts: HashedDraftParts) {
    this.#parts = parts;
    this.#hash = createHash(digestAlgorithm(parts.digest));
    this.#checkpoints = new Checkpoints(this.#hash);
  }

  /** Bytes that can be read, and that the hash covers. */
  get written(): number {
    return this.#written;
  }

  /** Whether an earlier download left bytes that were not made use of yet. */
  get hasLeft(): boolean {
    return this.#left !== undefined;
  }

  /** Whether there is more than an earlier download left. */
  get hasGrown(): boolean {
    return this.#written > this.#leftLength;
  }

  /** Whether its bytes pass and nothing is kept. */
  get isPassing(): boolean {
    return this.#passing !== undefined;
  }

  /** What the upstream says its size is. Of too many bytes none is kept from the first. */
  declare(size: number): void {
    const { mostKept, onTooLarge } = this.#parts;
    if (size <= mostKept || this.#hasBegun || this.hasLeft) return;
    if (!this.isPassing) onTooLarge(size);
    this.#passing ??= this.#newPassing();
  }

  /** Somebody waits for the bytes from there on. */
  awaited(position: number): void {
    this.#awaited = Math.max(this.#awaited, position);
    this.#passing?.awaited(position);
  }

  /**
   * The file is made with its first bytes, so that a refused download leaves no trace. Throws StoreError, or
   * DownloadError: DISK when it grows too large without having said so, ABANDONED when its signal aborts.
   */
  append(bytes: Uint8Array): Promise<void> {
    return this.#orFail(this.#append(bytes));
  }

  /** Resolves with the bytes read, never 0 below `written`. Throws StoreError. */
  async read(buffer: Uint8Array, position: number): Promise<number> {
    // What has passed is gone for who is slow, not for all.
    if (this.#passing !== undefined) return await this.#passing.read(buffer, position);
    return await this.#orFail(this.#fileReads.read(buffer, position));
  }

  /** All that is written, with a copy of its hash. */
  end(): Checkpoint {
    return { position: this.#written, hash: this.#hash.copy() };
  }

  /** A place at or before `position`, with the hash of what was written up to there. */
  before(position: number): Checkpoint {
    return this.#checkpoints.before(position);
  }

  /** Whether all that is written is what the digest says. */
  isRight(): boolean {
    const { digest } = this.#parts;
    const { hash } = this.end();
    return toDigest(digestAlgorithm(digest), hash.digest("hex")) === digest;
  }

  /**
   * How many bytes an earlier download of the same id has left to go on from; `goOn` makes use of them.
   * To be called first. Never rejects.
   */
  async takeUp(id: string): Promise<number> {
    // A store that cannot give them back is as good as one that has none.
    this.#left = await this.#parts.blobs.takeUp(id).catch(() => undefined);
    this.#id = id;
    this.#leftLength = this.#left?.written ?? 0;
    return this.#leftLength;
  }

  /** Hashes what was left, if anything, calling `onProgress` with each part. Throws StoreError. */
  goOn(onProgress: () => void): Promise<void> {
    return this.#orFail(this.#goOn(onProgress));
  }

  /** Puts it into the store; false when its bytes pass. Throws StoreError. */
  async commit(): Promise<boolean> {
    if (this.#passing === undefined && this.#draft === undefined) await this.#begin();
    await this.#draft?.commit(this.#parts.digest);
    return this.#draft !== undefined;
  }

  /**
   * Leaves it to a later download of the id, if that is worth it, or throws it away, unless it was
   * committed; what is written can be read on. Never rejects.
   */
  async leave(id: string | undefined): Promise<void> {
    if (id !== undefined && this.#id !== undefined) await this.#left?.setAside(this.#id);
    await this.#left?.discard();
    if (id !== undefined && this.#written >= worthKeeping) await this.#draft?.setAside(id);
    await this.#draft?.discard();
  }

  async close(): Promise<void> {
    this.#passing?.close();
    await this.#left?.close();
    await this.#draft?.close();
  }

  async #append(bytes: Uint8Array): Promise<void> {
    const { digest, mostKept, onTooLarge } = this.#parts;
    if (this.#passing === undefined && this.#written + bytes.length > mostKept) {
      onTooLarge(undefined);
      throw new DownloadError("DISK", `${digest} is more than is kept`);
    }
    this.#hasBegun = true;
    const hash = this.#hash.copy();
    if (this.#passing === undefined && this.#draft === undefined) await this.#begin();
    const added = this.#passing?.append(bytes) ?? this.#draft?.write(bytes, this.#written);
    hash.update(bytes); // while the disk is at work
    await added;
    this.#hash = hash;
    this.#written += bytes.length;
    this.#checkpoints.add(this.#written, hash);
  }

  async #goOn(onProgress: () => void): Promise<void> {
    const left = this.#left;
    if (left === undefined) return;
    this.#left = undefined;
    [this.#draft, this.#hasBegun] = [left, true];
    const buffer = Buffer.allocUnsafeSlow(Math.min(stretch, left.written));
    while (this.#written < left.written) {
      const length = await left.read(buffer, this.#written);
      if (length === 0) throw new StoreError("IO", `what was left ends at ${this.#written}`);
      this.#hash = this.#hash.copy().update(buffer.subarray(0, length));
      this.#written += length;
      this.#checkpoints.add(this.#written, this.#hash);
      onProgress();
    }
  }

  /** The file, or what takes its place while nothing is written. */
  async #begin(): Promise<void> {
    try {
      this.#draft = await this.#parts.blobs.create();
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== "PAUSED") throw error;
      this.#passing = this.#newPassing();
    }
  }

  async #readFile(buffer: Uint8Array, position: number): Promise<number> {
    const length = await this.#draft?.read(buffer, position);
    if (length !== undefined && length > 0) return length;
    throw new StoreError("IO", `a file of ${this.#written} bytes has none at ${position}`);
  }

  async #orFail<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      this.#parts.onFailed(error);
      throw error;
    }
  }

  #newPassing(): PassingBytes {
    const passing = new PassingBytes(this.#parts.signal);
    passing.awaited(this.#awaited);
    return passing;
  }
}
