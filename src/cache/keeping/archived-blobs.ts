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
