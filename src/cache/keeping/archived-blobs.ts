/** What the cache asks of the archive behind the disk. */
import type { Digest } from "../../protocol/digest.ts";
import type { ArchivedStat } from "../../store/archive.ts";

export interface ArchivedBlobs {
  /** Undefined when it is not there, as far as can be told. Never rejects. */
  find(digest: Digest): Promise<ArchivedStat | undefined>;
  /** Who had it first, as was written beside it. Never rejects. */
  originOf(digest: Digest): Promise<string | undefined>;
  /** All of a small blob, unverified; undefined when it is not there or cannot be had. Never rejects. */
  read(digest: Digest, most: number): Promise<Buffer | undefined>;
}

/** Addresses in the archive that are given to clients. */
export interface ArchivedLinks {
  /** As far as is known without asking. */
  sizeOf(digest: Digest): number | undefined;
  /** Where anybody may read it for some minutes; undefined where that leads nowhere just now. Never rejects. */
  linkTo(digest: Digest): Promise<string | undefined>;
}
