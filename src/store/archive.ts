/**
 * The port to the archive: a second, larger home of immutable blobs behind the disk. Readers never read
 * it directly; what is open here is one more source of a download. Every method throws StoreError ARCHIVE
 * when it cannot be reached, refuses, or breaks off.
 */
import type { Digest } from "../protocol/digest.ts";

export type ArchivedBlob = { readonly digest: Digest; readonly size: number };

/** What is known of it without its bytes; `origin` is what was said when it was put. */
export type ArchivedStat = { readonly size: number; readonly origin: string | undefined };

/** Bytes on their way; not verified. */
export type ArchivedBytes = {
  /** Of the whole blob. */
  readonly size: number;
  /** Reading it to the end or leaving the loop closes it. Throws StoreError ARCHIVE. */
  readonly body: AsyncIterable<Uint8Array>;
  /** For whoever does not read; idempotent. */
  close(): void;
};

/** What is put there: read at any position, as often as needed. */
export type ToArchive = ArchivedBlob & {
  /** ASCII; who had it, for those who find it there without any record of it. */
  readonly origin?: string | undefined;
  /** Fills `buffer` from `position` on; resolves with the bytes read. */
  read(buffer: Uint8Array, position: number): Promise<number>;
};

/** From `start` up to `end`, or all there is from there. */
export type ArchiveRange = { readonly start: number; readonly end?: number | undefined };

export interface Archive {
  /** Where it is, without any login: records of another archive say nothing of this one. */
  readonly identity: string;
  /** Resolves once all of it is there, under its digest; before that nothing is. */
  put(blob: ToArchive, signal: AbortSignal): Promise<void>;
  /** Undefined when it is not there. */
  stat(digest: Digest, signal: AbortSignal): Promise<ArchivedStat | undefined>;
  /** Undefined when it is not there. */
  open(
    digest: Digest,
    range: ArchiveRange,
    signal: AbortSignal,
  ): Promise<ArchivedBytes | undefined>;
  /** An address at which anybody may read it, if he begins within minutes; nobody is asked whether it is there. */
  linkTo(digest: Digest): Promise<string>;
  /** No error when it is not there. */
  delete(digest: Digest, signal: AbortSignal): Promise<void>;
  /** Everything there, in no order. */
  list(signal: AbortSignal): AsyncIterable<ArchivedBlob>;
  /** Takes away what puts have left that began before then and never ended; resolves with how many. */
  dropUnfinished(before: number, signal: AbortSignal): Promise<number>;
  /** Ends what is under way. Idempotent. */
  close(): void;
}
