/**
 * The port to kept bytes: immutable blobs under their digest. An adapter knows nothing of
 * registries, repositories or who may have what.
 */
import type { Digest } from "../protocol/digest.ts";

/** What is known of a kept blob without reading it. */
export type BlobStat = {
  readonly size: number;
  /** False after an unclean stop, until its bytes were hashed again: recheck before trusting them. */
  readonly isVerified: boolean;
};

/** A kept blob as the walk over everything finds it; `usedAt` is in milliseconds since 1970. */
export type KeptBlob = { readonly digest: Digest; readonly size: number; readonly usedAt: number };

/** The same, with whether its bytes are known to be right. */
export type ListedBlob = KeptBlob & Pick<BlobStat, "isVerified">;

/** Bytes that stay readable until closed, even when the blob is deleted meanwhile. */
export interface BlobReader {
  readonly size: number;
  /** Which bytes these are: those committed anew under the same digest are others. Good until closed. */
  readonly identity: string;
  /** Fills `buffer` from `position` on; resolves with the bytes read, 0 only at the end. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /** Idempotent; never rejects. */
  close(): Promise<void>;
}

/** A blob being written. Exactly one of commit, discard and setAside ends the write; the others are then no-ops. */
export interface BlobDraft {
  /** Bytes written and readable so far. */
  readonly written: number;
  /** Writes all of `chunk`, then raises `written`. Throws StoreError FULL or IO; what was written before stays readable. */
  append(chunk: Uint8Array): Promise<void>;
  /** Reads what is written; resolves with the bytes read, 0 at `written`. Valid after commit and discard, until closed. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /**
   * Puts the bytes under their final name. The caller has checked the digest; the adapter checks nothing but size.
   * `isDurable` waits until the bytes survive a power cut (pushes). Throws StoreError; then the draft counts as discarded.
   */
  commit(digest: Digest, options?: { readonly isDurable?: boolean }): Promise<void>;
  /** Throws away what was written. Never rejects. */
  discard(): Promise<void>;
  /**
   * Ends the write, and keeps its bytes for a while for one that goes on with them (takeUp). Reading stays
   * possible until closed. Never rejects: what cannot be kept is thrown away.
   */
  setAside(label: string): Promise<void>;
  /** Ends reading; discards first if nothing else ended the write. Idempotent; never rejects. */
  close(): Promise<void>;
}

export interface BlobStore {
  /** Size and verification of a kept blob, undefined when it is not held. Throws StoreError IO. */
  stat(digest: Digest): Promise<BlobStat | undefined>;
  /** Opens a kept blob, undefined when it is not held or its size is not the recorded one (it is then dropped). */
  open(digest: Digest): Promise<BlobReader | undefined>;
  /** Starts a new blob. Throws StoreError FULL or IO. */
  create(): Promise<BlobDraft>;
  /**
   * A draft with the bytes that were last set aside under this label, which nobody else gets any more;
   * undefined when there are none. Throws StoreError IO.
   */
  takeUp(label: string): Promise<BlobDraft | undefined>;
  /** Forgets a blob; false when it is not held or may not go (see holds.ts). Readers that have it open finish. */
  delete(digest: Digest): Promise<boolean>;
  /**
   * Everything kept, in no order; tolerates blobs coming and going while it walks, and passes over
   * what cannot be looked at. Throws StoreError IO when nothing can.
   */
  list(): AsyncIterable<ListedBlob>;
  /** Records that the blob's bytes were hashed and are right. */
  markVerified(digest: Digest): void;
}

/** Takes wrong bytes out of service, also where delete may not. */
export interface BlobQuarantine {
  /**
   * For a blob whose bytes, read by a reader that is still open, failed their hash: deleted, or, when
   * it is held, set aside where no name leads to it and reported. False when those bytes are not what
   * is kept any more. Throws StoreError IO.
   */
  condemn(digest: Digest, identity: string): Promise<boolean>;
}

/** How much room the bytes have. */
export interface BlobSpace {
  /** Free and total bytes of the volume; undefined where there is no such limit. Throws StoreError IO. */
  space(): Promise<{ readonly free: number; readonly total: number } | undefined>;
  /** Bytes set aside for writes to go on with. */
  readonly aside: number;
  /** Deletes these. Never rejects. */
  clearAside(): Promise<void>;
}
