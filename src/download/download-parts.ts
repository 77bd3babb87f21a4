/** What all downloads share. */
import type { Digest } from "../protocol/digest.ts";
import type { Clock } from "../runtime/clock.ts";
import type { BeginHash } from "../runtime/hashing.ts";
import type { DraftStore } from "../store/draft-store.ts";
import type { Bookkeeping } from "./bookkeeping.ts";
import type { DetachedDownloads } from "./detached-downloads.ts";
import type { ObserveDownloads } from "./download-event.ts";
import type { FrontLimits } from "./front-limits.ts";
import type { OpenSource } from "./sources.ts";

export type DownloadParts = {
  readonly open: OpenSource;
  readonly blobs: DraftStore;
  /** Larger blobs are passed on and not kept. */
  readonly mostKept: number;
  readonly beginHash: BeginHash;
  readonly onTooLarge: (digest: Digest) => void;
  /** Whether it would be kept at the moment, as far as is known. */
  readonly mayKeep: (digest: Digest) => boolean;
  /** Where it goes on when its last reader has left, and where it waits when it only has parts. */
  readonly detached: DetachedDownloads;
  readonly idle: DetachedDownloads;
  readonly limits: FrontLimits;
  /** Whether what came from the archive stays on the disk too. */
  readonly mayStay: (digest: Digest, size: number) => boolean;
  /** What came, with the archive among its sources, was wrong. */
  readonly suspect: (digest: Digest) => void;
  readonly books: Bookkeeping;
  readonly observe: ObserveDownloads;
  readonly clock: Clock;
};
