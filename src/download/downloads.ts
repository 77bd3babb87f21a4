/**
 * One download per digest, however many ask: the first ask starts it, the others join, and it
 * outlives them all within limits.
 */
import type { Digest } from "../protocol/digest.ts";
import type { RepositoryName } from "../protocol/reference.ts";
import type { RegistryName } from "../protocol/registry-name.ts";
import { BoundedMap } from "../runtime/bounded-map.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import { type BeginHash, hashHere } from "../runtime/hashing.ts";
import { failureOf, type Span, type Tracing } from "../runtime/tracing.ts";
import type { DraftStore } from "../store/draft-store.ts";
import { openBlobAt, openBlobPart } from "../upstream/client/blob-range.ts";
import type { RegistryClient } from "../upstream/registry-client.ts";
import { type ArchiveSource, archiveFirst } from "./archive-source.ts";
import type { Bookkeeping } from "./bookkeeping.ts";
import type { ByteSource } from "./byte-source.ts";
import { DetachedDownloads, type DetachedLimits, usualLimits } from "./detached-downloads.ts";
import { Download } from "./download.ts";
import { DownloadError, isDownloadError } from "./download-error.ts";
import type { ObserveDownloads } from "./download-event.ts";
import type { DownloadParts } from "./download-parts.ts";
import { FrontLimits } from "./front-limits.ts";
import { type OpenSource, placeOf, type Source, sourceKey } from "./sources.ts";

/** Downloads that only have parts, and wait for who wants more of them. */
const mostIdle = { count: 64, bytes: Number.POSITIVE_INFINITY, milliseconds: 60_000 };

/** A finished download can be joined so long, by those who looked into the store just before. */
const linger = 1_000;

export type DownloadAsk = Source & {
  /** The first byte wanted. */
  readonly from: number;
  /** The first that is not wanted any more; undefined: all there is. */
  readonly to?: number | undefined;
  /**
   * The caller has seen that this asker may have these very bytes, so it may join a download made
   * with another registry, repository or access. Without it only the same three share.
   */
  readonly isProven?: boolean;
  /** The archive has it: it is asked first, or alone. Who says so has seen that the asker may have these bytes. */
  readonly archive?: "first" | "only" | undefined;
  readonly signal: AbortSignal;
};

export type OpenedDownload = {
  readonly source: ByteSource;
  readonly mediaType: string | undefined;
  /** Whether this ask started the download. */
  readonly isFirst: boolean;
};

export type DownloadsOptions = {
  readonly client: RegistryClient;
  readonly blobs: DraftStore;
  readonly books: Bookkeeping;
  readonly observe: ObserveDownloads;
  readonly archive?: ArchiveSource | undefined;
  /** Whether what came from the archive stays on the disk too; else it goes with its last reader. */
  readonly mayStay?: (digest: Digest, size: number) => boolean;
  readonly clock?: Clock;
  /** How long streams are hashed; by itself where everything else runs. */
  readonly beginHash?: BeginHash;
  readonly detached?: DetachedLimits;
  /** Bytes of the largest blob that is kept; larger ones are passed on. */
  readonly mostKept?: number;
  /** Whether nothing is written for now (cache/keeping/disk-health.ts). */
  readonly isPaused?: () => boolean;
  readonly tracing?: Tracing | undefined;
};

/** A download that is under way, for those who only want to know how far it is. */
export type DownloadProgress = { readonly written: number; readonly size: number | undefined };

export type DownloadUnderway = DownloadProgress & {
  /** Where it was asked for first. */
  readonly registry: RegistryName;
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly readers: number;
};

export class Downloads {
  readonly #parts: DownloadParts;
  /** Those that can be joined. */
  readonly #joinable = new Map<Digest, Set<Download>>();
  /** Those whose file is open. */
  readonly #open = new Set<Download>();
  readonly #lingering = new Map<Download, () => void>();
  /** Of those that are followed. */
  readonly #spans = new WeakMap<Download, Span>();
  /** Digests whose last download brought wrong bytes. */
  readonly #suspects = new BoundedMap<Digest, true>({ limit: 1_000 });
  /** Digests of blobs that were more than is kept. */
  readonly #oversized = new BoundedMap<Digest, true>({ limit: 1_000 });
  readonly #isPaused: () => boolean;
  readonly #archive: ArchiveSource | undefined;
  readonly #tracing: Tracing | undefined;
  #isClosed = false;

  constructor(options: DownloadsOptions) {
    const { client, blobs, books, observe } = options;
    const { clock = systemClock, detached = usualLimits } = options;
    const { mostKept = Number.POSITIVE_INFINITY, isPaused = () => false } = options;
    const { beginHash = hashHere } = options;
    this.#parts = {
      ...{ open: openerOf(client), blobs, books, observe, clock, mostKept, beginHash },
      mayStay: options.mayStay ?? (() => true),
      suspect: (digest) => options.archive?.suspect(digest),
      onTooLarge: (digest) => this.#oversized.set(digest, true),
      mayKeep: (digest) => this.mayKeep(digest),
      detached: new DetachedDownloads(detached, clock),
      idle: new DetachedDownloads(mostIdle, clock),
      limits: new FrontLimits(clock),
    };
    this.#isPaused = isPaused;
    this.#archive = options.archive;
    this.#tracing = options.tracing;
  }

  /**
   * Resolves with the first byte at `from` that may be released, or 5 s after the upstream's
   * headers. Rejects before that with UpstreamRefusal, UpstreamError or DownloadError.
   */
  async open(ask: DownloadAsk): Promise<OpenedDownload> {
    await this.#turn(ask);
    const joined = this.#toJoin(ask);
    if (joined !== undefined) this.#spans.get(joined)?.waitedFor();
    const download = joined ?? this.#start(ask);
    const reader = download.join(ask, ask.from, ask.to);
    try {
      await download.begin(reader, ask.signal);
      return { source: reader, mediaType: download.mediaType, isFirst: joined === undefined };
    } catch (error) {
      await reader.close();
      throw error;
    }
  }

  /** The download of this digest that is under way, if any. */
  running(digest: Digest): DownloadProgress | undefined {
    return this.#running(digest).find(({ progress }) => progress.ended === undefined)?.progress;
  }

  /** All that bring bytes right now. */
  *underway(): IterableIterator<DownloadUnderway> {
    for (const { progress, sources, readers } of this.#open) {
      const { ended, received, size } = progress;
      if (ended !== undefined) continue;
      yield { ...placeOf(sources.first), written: received, size, readers: readers.size };
    }
  }

  /** The blob is gone: its room is free once the file that late joiners could still read is closed. */
  gone(digest: Digest): void {
    for (const download of [...this.#lingering.keys()])
      if (download.digest === digest) this.#retire(download);
  }

  /** Whether a download that nobody reads would leave anything behind. */
  mayKeep(digest: Digest): boolean {
    return !this.#isPaused() && this.#oversized.get(digest) === undefined;
  }

  /** Stops everything; resolves when no file is open and nothing half-written is left. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const all = [...this.#open];
    for (const download of all) download.abandon();
    for (const download of [...this.#lingering.keys()]) this.#retire(download);
    await Promise.all(all.map((download) => download.readers.dismiss()));
    await Promise.all(all.map((download) => download.readers.closed));
  }

  /** After wrong bytes there is one try at a time, even for those who could not share it. */
  async #turn(ask: DownloadAsk): Promise<void> {
    while (this.#suspects.get(ask.digest) && this.#toJoin(ask) === undefined) {
      // One that has ended is joinable until it is in the store, but there is nothing to wait for.
      const other = this.#running(ask.digest).find(({ progress }) => progress.ended === undefined);
      if (other === undefined) return;
      await other.progress.wait({ start: Number.POSITIVE_INFINITY, isPart: false }, ask.signal);
    }
  }

  #toJoin(ask: DownloadAsk): Download | undefined {
    const key = sourceKey(ask);
    const running = this.#running(ask.digest);
    const own = running.find((download) => download.sources.has(key));
    const isProven = ask.isProven === true || ask.archive !== undefined;
    if (own !== undefined || !isProven) return own;
    return running.find((download) => !download.sources.isBorrowed);
  }

  #running(digest: Digest): Download[] {
    return [...(this.#joinable.get(digest) ?? [])].filter((download) => download.isJoinable);
  }

  #start(ask: DownloadAsk): Download {
    if (this.#isClosed) throw new DownloadError("ABANDONED", "no more downloads are started");
    const span = this.#begin(ask);
    const open = this.#openerFor(ask);
    const opened: OpenSource = span ? (...its) => span.within(() => open(...its)) : open;
    const download = new Download(ask, { ...this.#parts, open: opened });
    if (span !== undefined) this.#spans.set(download, span);
    const others = this.#joinable.get(ask.digest);
    if (others === undefined) this.#joinable.set(ask.digest, new Set([download]));
    else others.add(download);
    this.#open.add(download);
    void download.readers.closed.then(() => this.#open.delete(download));
    void download.run().then(() => this.#land(download));
    return download;
  }

  #begin({ registry, repository, digest }: DownloadAsk): Span | undefined {
    return this.#tracing?.begin({
      name: "fetch blob",
      role: "works",
      attributes: {
        "entrepot.registry": registry.name,
        "entrepot.repository": repository,
        "entrepot.digest": digest,
      },
    });
  }

  #openerFor({ archive: how }: DownloadAsk): OpenSource {
    const { open } = this.#parts;
    if (this.#archive === undefined || how === undefined) return open;
    return archiveFirst(this.#archive, how === "only" ? undefined : open);
  }

  #land(download: Download): void {
    const { digest } = download;
    const { ended, received } = download.progress;
    this.#spans.get(download)?.end({
      attributes: { "entrepot.received": received },
      failure: ended === "complete" ? undefined : failureOf(ended),
    });
    if (ended === "complete") this.#suspects.delete(digest);
    else if (isDownloadError(ended, "WRONG_DIGEST", "WRONG_LENGTH"))
      this.#suspects.set(digest, true);
    const retire = (): void => this.#retire(download);
    if (ended !== "complete" || this.#isClosed) retire();
    else this.#lingering.set(download, this.#parts.clock.after(linger, retire));
  }

  /** Nobody joins it any more. */
  #retire(download: Download): void {
    this.#lingering.get(download)?.();
    this.#lingering.delete(download);
    const others = this.#joinable.get(download.digest);
    others?.delete(download);
    if (others?.size === 0) this.#joinable.delete(download.digest);
    download.readers.endJoining();
  }
}

function openerOf(client: RegistryClient): OpenSource {
  return ({ registry, repository, digest, access }, offset, signal, part) => {
    const ask = { registry, repository, digest, access, offset, signal };
    return part === undefined ? openBlobAt(client, ask) : openBlobPart(client, { ...ask, ...part });
  };
}
