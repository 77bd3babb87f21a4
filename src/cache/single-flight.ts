/**
 * One download per digest, however many ask: the first ask starts it, the others join, and it
 * outlives them all within limits.
 */
import type { Digest } from "../protocol/digest.ts";
import type { HeaderList } from "../protocol/http/header-list.ts";
import type { RepositoryName } from "../protocol/reference.ts";
import type { Registry } from "../protocol/registry-name.ts";
import type { BlobStore } from "../store/blob-store.ts";
import type { Access, RegistryClient } from "../upstream/registry-client.ts";
import type { Observe } from "./cache-event.ts";
import type { ByteSource } from "./content.ts";
import type { Timing } from "./timing.ts";

export type DownloadAsk = {
  readonly kind: "blob" | "manifest";
  readonly registry: Registry;
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly access: Access;
  /** Sent upstream for manifests. */
  readonly accept?: string | undefined;
  /** The first byte wanted; negative counts from the end. */
  readonly from: number;
  /** What the manifest that lists the blob says. Nothing completes for this reader at another length. */
  readonly expectedSize?: number | undefined;
  /**
   * The caller has seen that this asker may have these very bytes, so it may join a download made
   * with another registry, repository or access. Without it only the same three share.
   */
  readonly isProven?: boolean;
  readonly signal: AbortSignal;
};

export type OpenedDownload = {
  readonly source: ByteSource;
  readonly mediaType: string | undefined;
  /** Whether this ask started the download. */
  readonly isFirst: boolean;
  /** The upstream's. */
  readonly headers: HeaderList;
};

/** How many downloads may go on with nobody reading, how large in all, and how long each. */
export type OrphanLimits = {
  readonly count: number;
  readonly bytes: number;
  readonly milliseconds: number;
};

export type DownloadsOptions = {
  readonly client: RegistryClient;
  readonly blobs: BlobStore;
  readonly observe: Observe;
  readonly timing?: Timing;
  readonly orphans?: OrphanLimits;
};

/** A download that is under way, for those who only want to know how far it is. */
export type Progress = { readonly written: number; readonly size: number | undefined };

export class Downloads {
  readonly #options: DownloadsOptions;

  constructor(options: DownloadsOptions) {
    this.#options = options;
  }

  /**
   * Resolves with the first byte at `from` that may be released, or 5 s after the upstream's
   * headers. Rejects before that with UpstreamRefusal, UpstreamError or CacheError.
   */
  open(ask: DownloadAsk): Promise<OpenedDownload> {
    throw new Error(`not yet: ${ask.digest} ${this.#options.client}`);
  }

  /** The download of this digest that is under way, if any. */
  running(_digest: Digest): Progress | undefined {
    return undefined;
  }

  /** Stops everything; resolves when no file is open and nothing half-written is left. */
  async close(): Promise<void> {}
}
