/**
 * One upload: bytes in their order, hashed as they come. One request at a time writes to it; exactly
 * one of finish, cancel and park ends it.
 */
import { createHash, type Hash } from "node:crypto";
import {
  type Digest,
  type DigestAlgorithm,
  digestAlgorithm,
  toDigest,
} from "../protocol/digest.ts";
import type { RepositoryName } from "../protocol/reference.ts";
import { RegistryError } from "../protocol/registry-error.ts";
import type { Clock } from "../runtime/clock.ts";
import type { BlobDraft } from "../store/draft-store.ts";
import type { BlobLimit } from "./rights.ts";

export type UploadParts = {
  readonly id: string;
  readonly repository: RepositoryName;
  /** Who began it: nobody else goes on with it. */
  readonly owner: string;
  /** Whose uploads it counts to. */
  readonly client: string;
  readonly draft: BlobDraft;
  readonly clock: Clock;
  /** Left out: now. */
  readonly beganAt?: number | undefined;
  /** What the repository lets it have. */
  readonly limit: () => BlobLimit;
};

type Finishing = {
  readonly arriving: () => Promise<void>;
  readonly link: (size: number) => Promise<void>;
};

const hashPiece = 1024 * 1024;
/** Whoever makes room is told each time that so many bytes have come. */
const growth = 64 * 1024 * 1024;

export class Upload {
  readonly id: string;
  readonly repository: RepositoryName;
  readonly owner: string;
  readonly client: string;
  readonly beganAt: number;
  readonly #parts: UploadParts;
  /** Of all bytes so far; undefined for one that an earlier run began, since no hash can be kept. */
  readonly #hash: Hash | undefined;
  #usedAt: number;
  /** The same by a clock that nobody sets. */
  #leftAt: number;
  #isBusy = false;
  #isOver = false;

  constructor(parts: UploadParts) {
    const { id, repository, owner, draft, clock } = parts;
    this.id = id;
    this.repository = repository;
    this.owner = owner;
    this.client = parts.client;
    this.#parts = parts;
    this.#hash = draft.written === 0 ? createHash("sha256") : undefined;
    this.#usedAt = clock.now();
    this.#leftAt = clock.steady();
    this.beganAt = parts.beganAt ?? this.#usedAt;
  }

  get written(): number {
    return this.#parts.draft.written;
  }

  get usedAt(): number {
    return this.#isBusy ? this.#parts.clock.now() : this.#usedAt;
  }

  /** Milliseconds that nobody has used it for. */
  get idle(): number {
    return this.#isBusy ? 0 : this.#parts.clock.steady() - this.#leftAt;
  }

  /** Whether somebody writes to it or finishes it right now. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Takes the bytes, telling of each great piece; what came before an error stays. Throws RegistryError, StoreError, or what the body throws. */
  append(body: AsyncIterable<Uint8Array>, onGrown: () => void): Promise<void> {
    return this.#alone(async () => {
      const { draft } = this.#parts;
      const limit = this.#parts.limit();
      let told = this.written;
      for await (const chunk of body) {
        if (this.written + chunk.length > limit.bytes) throw limit.refusal();
        await draft.write(chunk, draft.written);
        this.#hash?.update(chunk);
        if (this.written - told < growth) continue;
        told = this.written;
        onGrown();
      }
    });
  }

  /**
   * Puts the bytes under their digest, on the platter, then has `link` make them part of the
   * repository; `arriving` is told before, once they are known to be right. Throws RegistryError
   * DIGEST_INVALID when they are others, and StoreError; it is over either way.
   */
  finish(digest: Digest, { arriving, link }: Finishing): Promise<void> {
    return this.#alone(async () => {
      const { draft } = this.#parts;
      this.#isOver = true;
      try {
        if ((await this.#digest(digestAlgorithm(digest))) !== digest) throw wrongDigest(digest);
        await arriving();
        await draft.commit(digest, { isDurable: true });
        await link(draft.written);
      } finally {
        await draft.close();
      }
    });
  }

  /** Throws its bytes away. */
  async cancel(): Promise<void> {
    this.#isOver = true;
    await this.#parts.draft.close();
  }

  /** Keeps the bytes for the next start. */
  async park(): Promise<void> {
    this.#isOver = true;
    await this.#parts.draft.setAside(this.id);
    await this.#parts.draft.close();
  }

  async #digest(algorithm: DigestAlgorithm): Promise<Digest> {
    if (algorithm === "sha256" && this.#hash !== undefined) {
      return toDigest("sha256", this.#hash.copy().digest("hex"));
    }
    const hash = createHash(algorithm);
    const buffer = Buffer.allocUnsafe(hashPiece);
    for (let position = 0; position < this.written; ) {
      const length = await this.#parts.draft.read(buffer, position);
      hash.update(buffer.subarray(0, length));
      position += length;
    }
    return toDigest(algorithm, hash.digest("hex"));
  }

  async #alone(work: () => Promise<void>): Promise<void> {
    if (this.#isBusy) {
      const sentence = "another request is writing to this upload; wait for it, or begin anew";
      throw new RegistryError("BLOB_UPLOAD_INVALID", sentence, { status: 409 });
    }
    // It ended since the request found it.
    if (this.#isOver) throw unknownUpload();
    this.#isBusy = true;
    try {
      await work();
    } finally {
      this.#isBusy = false;
      this.#usedAt = this.#parts.clock.now();
      this.#leftAt = this.#parts.clock.steady();
    }
  }
}

export function unknownUpload(): RegistryError {
  const sentence = "there is no such upload; it has ended, or a restart ended it: begin anew";
  return new RegistryError("BLOB_UPLOAD_UNKNOWN", sentence);
}

function wrongDigest(digest: Digest): RegistryError {
  return new RegistryError("DIGEST_INVALID", `the bytes sent are not those of ${digest}`);
}
