/**
 * Bytes that are still arriving in a file: a download, or a kept blob being hashed again. The one
 * view readers have of either; they come late, leave early, and read at their own pace.
 */

export interface GrowingBlob {
  /** Bytes in all; undefined until that is known. */
  readonly size: number | undefined;
  /** How many bytes the file has. */
  readonly written: number;
  /** How many of them may go out: the tail waits for the digest (see hold-back.ts). */
  readonly released: number;
  /** "complete": everything is verified and released. An error: no more is ever released. */
  readonly ended: "complete" | Error | undefined;
  /** Reads bytes below `written`; resolves with the bytes read. Throws StoreError. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /**
   * Resolves when there may be something new for a reader at `position`: bytes, the end, or a
   * change of who may read. Look again after it. Rejects only when `signal` aborts.
   */
  wait(position: number, signal: AbortSignal): Promise<void>;
}
