/** What happened in the cache, told once by whoever saw it; the log and the counters listen. */
import type { DownloadEvent, RepositoryNames } from "../download/download-event.ts";
import type { Digest } from "../protocol/digest.ts";
import type { Tag } from "../protocol/reference.ts";
import type { RegistryName } from "../protocol/registry-name.ts";

/** Who may have what a repository holds; see visibility.ts. */
export type VisibilityName = "public" | "shared" | "client";

export type CacheEvent =
  | DownloadEvent
  /** The disk failed so often that nothing is written for now, and works again. */
  | { readonly kind: "writesPaused"; readonly error: unknown }
  | { readonly kind: "writesResumed" }
  /** The records cannot be read or written; pulls go on without them. */
  | { readonly kind: "recordsFailed"; readonly error: unknown }
  | (RepositoryNames & {
      readonly kind: "tagMoved";
      readonly tag: Tag;
      readonly from: Digest;
      readonly to: Digest;
    })
  /** The upstream was asked about a tag. */
  | (RepositoryNames & {
      readonly kind: "tagRevalidated";
      readonly tag: Tag;
      readonly isBackground: boolean;
      readonly outcome: "same" | "moved" | "new" | "gone" | "refused" | "unavailable";
    })
  | (RepositoryNames & {
      readonly kind: "visibilityChanged";
      readonly from: VisibilityName;
      readonly to: VisibilityName;
    })
  /** What the upstream says is left of the pulls it allows (Docker Hub's `ratelimit-*` fields). */
  | {
      readonly kind: "budgetSeen";
      readonly registry: RegistryName;
      readonly limit: number;
      readonly remaining: number;
    }
  /** Little is left, or enough again: tags are believed `factor` times as long as they would be. */
  | {
      readonly kind: "ttlStretched";
      readonly registry: RegistryName;
      readonly limit: number;
      readonly remaining: number;
      readonly factor: number;
    }
  | {
      readonly kind: "blobEvicted";
      readonly digest: Digest;
      readonly size: number;
      /** When it was used last, in milliseconds since 1970. */
      readonly usedAt: number;
    }
  | {
      readonly kind: "evictionFinished";
      readonly blobs: number;
      readonly bytes: number;
      /** Bytes that should have gone but may not: being read, or held. */
      readonly missing: number;
    }
  | {
      readonly kind: "scrubFinished";
      readonly blobs: number;
      readonly bytes: number;
      readonly corrupted: number;
    };

export type Observe = (event: CacheEvent) => void;
