/**
 * Bytes that are still arriving in a file: a download, or a kept blob being hashed again. The one
 * view readers have of either; they come late, leave early, and read at their own pace.
 */
import type { Progress, Want } from "./progress.ts";

export interface GrowingBlob {
  /** How far it has come. */
  readonly progress: Pick<Progress, "size" | "releasedFor" | "ended">;
  /** Reads bytes that are written; resolves with the bytes read, never 0. Throws StoreError. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /**
   * Resolves when there may be something new for who wants this: bytes, the end, or a change of
   * who may read. Look again after it. Rejects only when `signal` aborts.
   */
  wait(want: Want, signal: AbortSignal): Promise<void>;
}
