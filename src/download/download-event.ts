/** What happened to a download, told once by whoever saw it; listeners only listen. */
import type { Digest } from "../protocol/digest.ts";
import type { RepositoryName } from "../protocol/reference.ts";
import type { RegistryName } from "../protocol/registry-name.ts";

/** A repository as events name it. */
export type RepositoryNames = {
  readonly registry: RegistryName;
  readonly repository: RepositoryName;
};

type Blob = { readonly digest: Digest };

export type DownloadEvent =
  | (RepositoryNames & Blob & { readonly kind: "downloadStarted" })
  /** The upstream broke or stalled at `offset` and is asked for the rest. */
  | (RepositoryNames &
      Blob & {
        readonly kind: "downloadResumed";
        readonly offset: number;
        readonly attempt: number;
        readonly error: unknown;
      })
  /** All bytes came, passed verification and are kept. */
  | (RepositoryNames &
      Blob & {
        readonly kind: "blobStored";
        readonly size: number;
        /** Several repositories delivered parts of it: none of them has shown that it holds it. */
        readonly isPatchwork?: boolean;
      })
  /** Only parts of it were asked for, and nobody reads any; those that came wait for who does. */
  | (RepositoryNames & Blob & { readonly kind: "downloadSetAside"; readonly received: number })
  /** `received` bytes came from upstream for nothing. */
  | (RepositoryNames &
      Blob & {
        readonly kind: "downloadFailed";
        readonly received: number;
        readonly error: unknown;
      })
  /** A kept or downloaded blob whose bytes are not those of its digest; it is dropped. */
  | (Blob & { readonly kind: "blobCorrupted"; readonly foundBy: "download" | "recheck" | "scrub" })
  /** The disk is full or broken; pulls go on without it. */
  | { readonly kind: "diskFailed"; readonly error: unknown }
  /** It goes to whoever asks, and is not kept; without a size when the upstream told none. */
  | (RepositoryNames & Blob & { readonly kind: "blobTooLarge"; readonly size: number | undefined });

export type ObserveDownloads = (event: DownloadEvent) => void;
