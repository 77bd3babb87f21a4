/**
 * The port to files on their way to a blob: downloads and uploads under way, and those set aside
 * under an id for one that goes on with them.
 */
import type { Digest } from "../protocol/digest.ts";
import type { Interval } from "../runtime/intervals.ts";

/**
 * A blob being written, at any position. Exactly one of commit, discard and setAside ends the write;
 * the others are then no-ops.
 */
export interface BlobDraft {
  /** Bytes from the first on without a gap. */
  readonly written: number;
  /** Where the bytes that are there from `position` on end; `position` itself when it has none. */
  endOf(position: number): number;
  /** What is there, in order. */
  readonly stretches: readonly Interval[];
  /**
   * Writes all of `chunk` at `position`; its bytes are there once all of them are written. Throws
   * StoreError FULL or IO; what was there before stays readable.
   */
  write(chunk: Uint8Array, position: number): Promise<void>;
  /** Reads what is there; resolves with the bytes read, 0 at a gap. Valid after the write has ended, until closed. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /**
   * Puts the bytes under their final name. The caller has checked the digest; the adapter checks nothing but size
   * and that there is no gap. `isDurable` waits until the bytes survive a power cut (pushes). Throws StoreError;
   * then the draft counts as discarded.
   */
  commit(digest: Digest, options?: { readonly isDurable?: boolean }): Promise<void>;
  /** Throws away what was written. Never rejects. */
  discard(): Promise<void>;
  /**
   * Ends the write, and keeps what is there, gaps and all, for a while for one that goes on with it
   * (takeUp). Reading stays possible until closed. Never rejects: what cannot be kept is thrown away.
   */
  setAside(id: string): Promise<void>;
  /** Ends reading; discards first if nothing else ended the write. Idempotent; never rejects. */
  close(): Promise<void>;
}

export interface DraftStore {
  /**
   * Starts a new blob. With an id, what a crash of this process leaves of it is set aside under that.
   * Throws StoreError FULL or IO.
   */
  create(id?: string): Promise<BlobDraft>;
  /**
   * A draft with the bytes that were last set aside under this id, which nobody else gets any more;
   * undefined when there are none. Throws StoreError IO.
   */
  takeUp(id: string): Promise<BlobDraft | undefined>;
}
