/** Bytes to be read at any offset: of a kept blob, of one that is still growing, or from memory. */
import type { FilePlace } from "../store/blob-store.ts";
import type { GrowingBlob } from "./growing-blob.ts";

/** Where bytes are: in a file that changes no more, in one that still grows, or in memory. */
export type BytePlace =
  | FilePlace
  | { readonly kind: "growing"; readonly blob: GrowingBlob }
  | { readonly kind: "memory" };

/** One reader's view of a blob: stateless reads, so a slow or stopped reader costs nothing but itself. */
export interface ByteSource {
  /** Bytes in all; undefined only while a download of unknown length runs. */
  readonly size: number | undefined;
  readonly place: BytePlace;
  /** All of it, where it lies in memory anyway: to be sent as it is, without a copy. */
  readonly bytes?: Uint8Array;
  /**
   * Fills `buffer` from `position` on with bytes that may be released, waiting for them if they are
   * still coming; resolves with the bytes read, 0 only at the verified end. Rejects when they can
   * never come (the client must then be cut, never ended cleanly) or when `signal` aborts.
   */
  read(buffer: Uint8Array, position: number, signal: AbortSignal): Promise<number>;
  /** Idempotent; never rejects. */
  close(): Promise<void>;
}
