/**
 * A file on its way to the store, written at any place, and the hash of what is in it from the first
 * byte on, even after a failed write. Where nothing is to be kept, bytes that pass take the place of
 * the file.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Digest } from "../protocol/digest.ts";
import type { BeginHash } from "../runtime/hashing.ts";
import type { Interval } from "../runtime/intervals.ts";
import type { BlobDraft, DraftStore } from "../store/draft-store.ts";
import { StoreError } from "../store/store-error.ts";
import type { Checkpoint } from "./checkpoints.ts";
import { DownloadError } from "./download-error.ts";
import { PassingBytes } from "./passing-bytes.ts";
import { PrefixHash } from "./prefix-hash.ts";
import { SharedReads } from "./shared-reads.ts";

/** Less than this is fetched again as quickly. */
const worthKeeping = 1024 * 1024;
/** Everybody waits for the first bytes: if they are no more than this, they are read out of memory, and wait for no file. */
const mostAtHand = 64 * 1024;
/** Until bytes come that lie so far behind them. */
const firstLast = 1024 * 1024;

export type HashedDraftParts = {
  readonly digest: Digest;
  readonly blobs: DraftStore;
  /** More bytes than this are not kept. */
  readonly mostKept: number;
  readonly beginHash: BeginHash;
  /** Called once with the size, if that is known. */
  readonly onTooLarge: (size: number | undefined) => void;
  /** Called when the hash covers more than before. */
  readonly onHashed: () => void;
  /** Called when the file can be written, or read back, no more: what cannot be read must not be kept. */
  readonly onFailed: (error: unknown) => void;
  /** Ends the wait for readers of what is not kept. */
  readonly signal: AbortSignal;
};

export class HashedDraft {
  readonly #parts: HashedDraftParts;
  #draft: Promise<BlobDraft | undefined> | undefined;
  #file: BlobDraft | undefined;
  /** Of an earlier download, until it is clear that its bytes are wanted. */
  #left: BlobDraft | undefined;
  #id: string | undefined;
  #sharedReads: SharedReads | undefined;
  #first: Buffer | undefined;
  #passing: PassingBytes | undefined;
  readonly #hash: PrefixHash;
  /** Its first bytes are on their way: where they went, all others go. */
  #hasBegun = false;
  #hasGrown = false;
  /** How far somebody waits to read. */
  #awaited = 0;

  constructor(parts: HashedDraftParts) {
    this.#parts = parts;
    this.#hash = new PrefixHash({
      ...{ digest: parts.digest, beginHash: parts.beginHash },
      endOf: (position) => this.#file?.endOf(position) ?? position,
      read: (buffer, position) => this.#readFile(buffer, position),
      onMoved: parts.onHashed,
      onFailed: parts.onFailed,
    });
  }

  /** How many bytes from the first on the hash covers. */
  get hashed(): number {
    return this.#hash.mark;
  }

  /** What an earlier download left that was not made use of yet. */
  get left(): readonly Interval[] {
    return this.#left?.stretches ?? [];
  }

  /** Whether there is more than an earlier download left. */
  get hasGrown(): boolean {
    return this.#hasGrown;
  }

  /** Whether its bytes pass and nothing is kept. */
  get isPassing(): boolean {
    return this.#passing !== undefined;
  }

  /** Whether bytes can be written wherever they belong; undefined before the first is. */
  get isAnywhere(): boolean | undefined {
    if (this.isPassing) return false;
    return this.#file === undefined ? undefined : true;
  }

  /** What the upstream says its size is. Of too many bytes none is kept from the first. */
  declare(size: number): void {
    const { mostKept, onTooLarge } = this.#parts;
    this.#hash.declare(size);
    if (size <= mostKept || this.#hasBegun || this.#left !== undefined) return;
    if (!this.isPassing) onTooLarge(size);
    this.#passing ??= this.#newPassing();
  }

  /** Somebody waits for the bytes from there on. */
  awaited(position: number): void {
    this.#awaited = Math.max(this.#awaited, position);
    this.#passing?.awaited(position);
  }

  /**
   * The file is made with its first bytes at the latest. Calls `onWritten` once
   * they can be read, and resolves when they may change. Throws StoreError, or DownloadError: DISK when
   * it grows too large without having said so, or bytes that pass come out of their order, ABANDONED when
   * its signal aborts.
   */
  write(bytes: Uint8Array, position: number, onWritten = (): void => undefined): Promise<void> {
    return this.#orFail(this.#write(bytes, position, onWritten));
  }

  /**
   * Resolves with the bytes read, never 0 for what is written; `hasCompany`: others may want the same
   * bytes at this moment. Throws StoreError.
   */
  read(buffer: Uint8Array, position: number, hasCompany = false): Promise<number> {
    // What has passed is gone for who is slow, not for all.
    if (this.#passing !== undefined) return this.#passing.read(buffer, position);
    const atHand = this.#first?.subarray(position).copy(buffer) ?? 0;
    if (atHand > 0) return Promise.resolve(atHand);
    if (!hasCompany) return this.#orFail(this.#readFile(buffer, position));
    this.#sharedReads ??= new SharedReads((room, at) => this.#readFile(room, at));
    return this.#orFail(this.#sharedReads.read(buffer, position));
  }

  /** All that the hash covers, with a copy of it, which is the caller's to release. */
  end(): Checkpoint {
    return this.#hash.end();
  }

  /** A place at or before `position`, with the hash of what was written up to there. */
  before(position: number): Checkpoint {
    return this.#hash.before(position);
  }

  /** Whether all that is hashed is what the digest says. */
  isRight(): Promise<boolean> {
    return this.#hash.isRight();
  }

  /** Resolves when all that is there from the first byte on is hashed, as far as it can be read. */
  settled(): Promise<void> {
    return this.#hash.settled();
  }

  /**
   * Looks for what an earlier download of the same id has left to go on from; `goOn` makes use of it.
   * To be called first. Never rejects.
   */
  async takeUp(id: string): Promise<void> {
    // A store that cannot give it back is as good as one that has none.
    this.#left = await this.#parts.blobs.takeUp(id).catch(() => undefined);
    this.#id = id;
  }

  /** Makes use of what was left, if anything. */
  goOn(): void {
    const left = this.#left;
    if (left === undefined) return;
    this.#left = undefined;
    this.#file = left;
    this.#draft = Promise.resolve(left);
    this.#hasBegun = true;
    this.#hash.follow();
  }

  /** Puts it into the store; false when its bytes pass. Throws StoreError. */
  async commit(): Promise<boolean> {
    if (!this.isPassing) this.#draft ??= this.#begin();
    const draft = await this.#draft;
    await draft?.commit(this.#parts.digest);
    return draft !== undefined;
  }

  /**
   * Leaves it to a later download of the id, if that is worth it, or throws it away, unless it was
   * committed; what is written can be read on. Never rejects.
   */
  async leave(id: string | undefined): Promise<void> {
    if (id !== undefined && this.#id !== undefined) await this.#left?.setAside(this.#id);
    await this.#left?.discard();
    if (id !== undefined && lengthOf(this.#file) >= worthKeeping) await this.#file?.setAside(id);
    await this.#file?.discard();
  }

  async close(): Promise<void> {
    this.#passing?.close();
    await this.#hash.stop();
    await this.#left?.close();
    await this.#file?.close();
  }

  async #write(bytes: Uint8Array, position: number, onWritten: () => void): Promise<void> {
    const { digest, mostKept, onTooLarge } = this.#parts;
    if (!this.isPassing && position + bytes.length > mostKept) {
      onTooLarge(undefined);
      throw new DownloadError("DISK", `${digest} is more than is kept`);
    }
    this.#hasBegun = true;
    if (!this.isPassing) this.#draft ??= this.#begin();
    const draft = await this.#draft;
    const isAtHand = draft !== undefined && this.#keepFirst(bytes, position);
    if (isAtHand) {
      onWritten();
      // Who waits for them has them sent first.
      await nextTurn();
    }
    const writing = draft?.write(bytes, position) ?? this.#pass(bytes, position);
    const hashing = this.#hash.take(bytes, position, writing);
    try {
      await writing;
      this.#hasGrown = true;
      if (!isAtHand) onWritten();
    } finally {
      await hashing;
    }
  }

  /** Whether these are the first bytes, and can be read whatever becomes of the file. */
  #keepFirst(bytes: Uint8Array, position: number): boolean {
    const isInFile = (this.#file?.endOf(0) ?? 0) > 0;
    if (position >= firstLast && isInFile) this.#first = undefined;
    if (position > 0 || bytes.length > mostAtHand) return false;
    this.#first = Buffer.from(bytes);
    return true;
  }

  async #pass(bytes: Uint8Array, position: number): Promise<void> {
    if (position !== this.#hash.mark)
      throw new DownloadError("DISK", "what is not kept comes in its order only");
    await this.#passing?.append(bytes);
  }

  /** The file, or what takes its place while nothing is written. */
  async #begin(): Promise<BlobDraft | undefined> {
    try {
      this.#file = await this.#parts.blobs.create(this.#id);
      return this.#file;
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== "PAUSED") throw error;
      this.#passing = this.#newPassing();
      return undefined;
    }
  }

  async #readFile(buffer: Uint8Array, position: number): Promise<number> {
    const length = await this.#file?.read(buffer, position);
    if (length !== undefined && length > 0) return length;
    throw new StoreError("IO", `the file has no byte at ${position}`);
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

function lengthOf(draft: BlobDraft | undefined): number {
  return (draft?.stretches ?? []).reduce((sum, { start, end }) => sum + end - start, 0);
}
