/**
 * The hash of a file from its first byte up to the first gap. What is written at the hash's own mark
 * is hashed from memory; what was written ahead of it is read back once the gap before it has closed,
 * piece by piece, so that nothing else has to wait for it.
 *
 *     0        mark                  gap
 *     ├─ hashed ─┼── read back ────────┤      ├── written ahead ──┤
 */
import { createHash, type Hash } from "node:crypto";
import { type Digest, digestAlgorithm, toDigest } from "../protocol/digest.ts";
import { StoreError } from "../store/store-error.ts";
import { type Checkpoint, Checkpoints } from "./checkpoints.ts";

const stretch = 256 * 1024;

export type PrefixHashParts = {
  readonly digest: Digest;
  /** Where the bytes that are there from `position` on end. */
  readonly endOf: (position: number) => number;
  readonly read: (buffer: Uint8Array, position: number) => Promise<number>;
  /** Called when the mark has moved. */
  readonly onMoved: () => void;
  /** Called when what is there cannot be read back. */
  readonly onFailed: (error: unknown) => void;
};

export class PrefixHash {
  readonly #parts: PrefixHashParts;
  readonly #checkpoints: Checkpoints;
  /** Of what lies before the mark; never changed, only replaced. */
  #hash: Hash;
  #mark = 0;
  #following: Promise<void> | undefined;
  #isStopped = false;

  constructor(parts: PrefixHashParts) {
    this.#parts = parts;
    this.#hash = createHash(digestAlgorithm(parts.digest));
    this.#checkpoints = new Checkpoints(this.#hash);
  }

  /** How many bytes it covers. */
  get mark(): number {
    return this.#mark;
  }

  /** Everything before the mark, with a copy of its hash. */
  end(): Checkpoint {
    return { position: this.#mark, hash: this.#hash.copy() };
  }

  /** A place at or before `position` and the mark, with the hash of what lies before it. */
  before(position: number): Checkpoint {
    return this.#checkpoints.before(position);
  }

  /** Whether what lies before the mark is what the digest says. */
  isRight(): boolean {
    const { digest } = this.#parts;
    const algorithm = digestAlgorithm(digest);
    return toDigest(algorithm, this.end().hash.digest("hex")) === digest;
  }

  /**
   * Bytes are on their way to `position`: when that is the mark, they are hashed meanwhile, and what
   * is returned is to be called once they are there.
   */
  take(bytes: Uint8Array, position: number): (() => void) | undefined {
    if (position !== this.#mark || this.#following !== undefined) return undefined;
    const hash = this.#hash.copy().update(bytes);
    return () => {
      // Whoever wrote elsewhere may have had them read back already.
      if (position === this.#mark && this.#following === undefined)
        this.#move(hash, position + bytes.length);
    };
  }

  /** Goes on through what is there beyond the mark. */
  follow(): void {
    if (this.#following !== undefined || this.#isStopped) return;
    if (this.#parts.endOf(this.#mark) === this.#mark) return;
    this.#following = this.#readBack().then(
      () => {
        this.#following = undefined;
        this.follow();
      },
      (error: unknown) => {
        this.#isStopped = true;
        this.#following = undefined;
        this.#parts.onFailed(error);
      },
    );
  }

  /** Resolves when it has gone through all that is there, or could not. */
  async settled(): Promise<void> {
    while (this.#following !== undefined) await this.#following;
  }

  /** Resolves when nothing is read any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#following;
  }

  async #readBack(): Promise<void> {
    const { endOf, read } = this.#parts;
    let buffer = Buffer.alloc(0);
    while (!this.#isStopped) {
      const there = Math.min(stretch, endOf(this.#mark) - this.#mark);
      if (there === 0) return;
      // A few bytes may have been all there was at first, and all that comes meanwhile is read back too.
      if (buffer.length < there) buffer = Buffer.allocUnsafeSlow(there);
      const length = await read(buffer.subarray(0, there), this.#mark);
      if (length === 0) throw new StoreError("IO", `what was written ends at ${this.#mark}`);
      const hash = this.#hash.copy().update(buffer.subarray(0, length));
      this.#move(hash, this.#mark + length);
    }
  }

  #move(hash: Hash, mark: number): void {
    this.#hash = hash;
    this.#mark = mark;
    this.#checkpoints.add(mark, hash);
    this.#parts.onMoved();
  }
}
