/**
 * The hash of a file from its first byte up to the first gap. What is written at the hash's own mark
 * is hashed from memory; what was written ahead of it is read back once the gap before it has closed,
 * piece by piece, so that nothing else has to wait for it.
 *
 *     0        mark                  gap
 *     ├─ hashed ─┼── read back ────────┤      ├── written ahead ──┤
 */
import { type Digest, digestAlgorithm, toDigest } from "../protocol/digest.ts";
import { type BeginHash, hashHere, type RunningHash, sharedBytes } from "../runtime/hashing.ts";
import { StoreError } from "../store/store-error.ts";
import { type Checkpoint, Checkpoints } from "./checkpoints.ts";

const stretch = 256 * 1024;

export type PrefixHashParts = {
  readonly digest: Digest;
  /** Where the bytes that are there from `position` on end. */
  readonly endOf: (position: number) => number;
  readonly read: (buffer: Uint8Array, position: number) => Promise<number>;
  readonly beginHash: BeginHash;
  /** Called when the mark has moved. */
  readonly onMoved: () => void;
  /** Called when what is there cannot be read back, or not be hashed. */
  readonly onFailed: (error: unknown) => void;
};

export class PrefixHash {
  readonly #parts: PrefixHashParts;
  #size: number | undefined;
  #started: { hash: RunningHash; readonly checkpoints: Checkpoints } | undefined;
  #mark = 0;
  /** What is at the mark is being hashed out of memory. */
  #isTaking = false;
  #moving: Promise<void> | undefined;
  #following: Promise<void> | undefined;
  #isStopped = false;

  constructor(parts: PrefixHashParts) {
    this.#parts = parts;
  }

  /** How many bytes it covers. */
  get mark(): number {
    return this.#mark;
  }

  /** How long all of it will be. */
  declare(size: number): void {
    this.#size = size;
  }

  /** Everything before the mark, with its hash, which is the caller's to release. */
  end(): Checkpoint {
    return { position: this.#mark, hash: this.#running.hash.copy() };
  }

  /** A place at or before `position` and the mark, with the hash of what lies before it, as `end`. */
  before(position: number): Checkpoint {
    return this.#running.checkpoints.before(position);
  }

  /** Whether what lies before the mark is what the digest says. */
  async isRight(): Promise<boolean> {
    const { digest } = this.#parts;
    const found = await this.#running.hash.digest();
    return toDigest(digestAlgorithm(digest), found.toString("hex")) === digest;
  }

  /**
   * Bytes are on their way to `position`, and there once `writing` resolves: when that is the mark, they
   * are hashed meanwhile. Resolves when they may change; never rejects.
   */
  async take(bytes: Uint8Array, position: number, writing: Promise<unknown>): Promise<void> {
    const begun = this.#taken(bytes, position);
    const isThere = await writing.then(
      () => true,
      () => false,
    );
    if (!isThere) return await begun?.(false);
    // Others may have come up to it while it was written.
    this.#moving = (begun ?? this.#taken(bytes, position))?.(true);
    await this.#moving;
    this.#moving = undefined;
    this.follow();
  }

  /** Goes on through what is there beyond the mark. */
  follow(): void {
    if (this.#following !== undefined || this.#isTaking || this.#isStopped) return;
    if (this.#parts.endOf(this.#mark) === this.#mark) return;
    this.#following = this.#readBack().then(
      () => {
        this.#following = undefined;
        this.follow();
      },
      (error: unknown) => {
        this.#following = undefined;
        this.#failed(error);
      },
    );
  }

  /** Resolves when it has gone through all that is there, or could not. */
  async settled(): Promise<void> {
    for (;;) {
      const underway = this.#following ?? this.#moving;
      if (underway === undefined) return;
      await underway;
    }
  }

  /** Resolves when nothing is read any more. Nothing else is to be asked of it. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#following;
    this.#started?.hash.release();
    this.#started?.checkpoints.release();
  }

  /** Hashes what is on its way to the mark; to be called with whether it came there. */
  #taken(bytes: Uint8Array, position: number): ((isThere: boolean) => Promise<void>) | undefined {
    if (position !== this.#mark || this.#following !== undefined || this.#isTaking) return;
    this.#isTaking = true;
    const hashing = this.#running.hash.after(bytes).catch((error: unknown) => {
      this.#failed(error);
      return undefined;
    });
    return async (isThere) => {
      const hash = await hashing;
      this.#isTaking = false;
      if (isThere && !this.#isStopped) this.#move(hash, position + bytes.length);
      else hash?.release();
    };
  }

  async #readBack(): Promise<void> {
    const { endOf, read } = this.#parts;
    let buffer: Buffer = Buffer.alloc(0);
    while (!this.#isStopped) {
      const there = Math.min(stretch, endOf(this.#mark) - this.#mark);
      if (there === 0) return;
      // A few bytes may have been all there was at first, and all that comes meanwhile is read back too.
      if (buffer.length < there) buffer = sharedBytes(there);
      const length = await read(buffer.subarray(0, there), this.#mark);
      if (length === 0) throw new StoreError("IO", `what was written ends at ${this.#mark}`);
      const hash = await this.#running.hash.after(buffer.subarray(0, length));
      this.#move(hash, this.#mark + length);
    }
  }

  get #running() {
    if (this.#started !== undefined) return this.#started;
    const { digest, beginHash } = this.#parts;
    const begin = this.#isStopped ? hashHere : beginHash;
    const hash = begin(digestAlgorithm(digest), this.#size);
    this.#started = { hash, checkpoints: new Checkpoints(hash.copy()) };
    return this.#started;
  }

  #move(hash: RunningHash | undefined, mark: number): void {
    if (hash === undefined) return;
    const running = this.#running;
    running.hash.release();
    running.hash = hash;
    this.#mark = mark;
    running.checkpoints.add(mark, hash);
    this.#parts.onMoved();
  }

  #failed(error: unknown): void {
    this.#isStopped = true;
    this.#parts.onFailed(error);
  }
}
