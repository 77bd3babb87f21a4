/** What happened in the cache, told once by whoever saw it; the log and the counters listen. */
import type { DownloadEvent } from "../download/download-event.ts";
import type { Digest } from "../protocol/digest.ts";
import type { RepositoryName, Tag } from "../protocol/reference.ts";
import type { RegistryName } from "../protocol/registry-name.ts";

/** Who may have what a repository holds; see visibility.ts. */
export type VisibilityName = "public" | "shared" | "client";

type RepositoryRef = { readonly registry: RegistryName; readonly repository: RepositoryName };
type Blob = { readonly digest: Digest };

export type CacheEvent =
  | DownloadEvent
  /** The disk failed so often that nothing is written for now, and works again. */
  | { readonly kind: "writesPaused"; readonly error: unknown }
  | { readonly kind: "writesResumed" }
  /** The records cannot be read or written; pulls go on without them. */
  | { readonly kind: "recordsFailed"; readonly error: unknown }
  | (RepositoryRef & {
      readonly kind: "tagMoved";
      readonly tag: Tag;
      readonly from: Digest;
      readonly to: Digest;
    })
  /** The upstream was asked about a tag. */
  | (RepositoryRef & {
      readonly kind: "tagRevalidated";
      readonly tag: Tag;
      readonly isBackground: boolean;
      readonly outcome: "same" | "moved" | "new" | "gone" | "refused" | "unavailable";
    })
  | (RepositoryRef & {
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
  | (Blob & { readonly kind: "blobEvicted"; readonly size: number })
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
