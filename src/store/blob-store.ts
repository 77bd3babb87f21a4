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

/** A file whose bytes change no more, and which bytes: those committed anew under the same digest are others. */
export type FilePlace = { readonly kind: "file"; readonly identity: string };

/** Bytes that stay readable until closed, even when the blob is deleted meanwhile. */
export interface BlobReader {
  readonly size: number;
  /** Good until closed. */
  readonly place: FilePlace;
  /** Fills `buffer` from `position` on; resolves with the bytes read, 0 only at the end. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /** Idempotent; never rejects. */
  close(): Promise<void>;
}

export interface BlobStore {
  /** Size and verification of a kept blob, undefined when it is not held. Throws StoreError IO. */
  stat(digest: Digest): Promise<BlobStat | undefined>;
  /** Opens a kept blob, undefined when it is not held or its size is not the recorded one (it is then dropped). */
  open(digest: Digest): Promise<BlobReader | undefined>;
  /** Forgets a blob; false when it is not held or may not go (see holds.ts). Readers that have it open finish. */
  delete(digest: Digest): Promise<boolean>;
  /**
   * Everything kept, in no order; tolerates blobs coming and going while it walks, and passes over
   * what cannot be looked at. Throws StoreError IO when nothing can.
   */
  list(): AsyncIterable<ListedBlob>;
}
