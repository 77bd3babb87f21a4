/** The cache over its store: downloads, the policy of a pull, what is forgotten and what is re-read. */

import { availableParallelism } from "node:os";
import type { Observe } from "../../cache/cache-event.ts";
import { DiskHealth, GuardedDrafts } from "../../cache/keeping/disk-health.ts";
import { Eviction } from "../../cache/keeping/eviction.ts";
import { RecordAging } from "../../cache/keeping/record-aging.ts";
import { Scrub } from "../../cache/keeping/scrub.ts";
import { TierAdmission } from "../../cache/keeping/tier-admission.ts";
import { Usage } from "../../cache/keeping/usage.ts";
import { type PullThroughOptions, pullParts } from "../../cache/pull-parts.ts";
import { PullThrough } from "../../cache/pull-through.ts";
import type { Bookkeeping } from "../../download/bookkeeping.ts";
import { Downloads } from "../../download/downloads.ts";
import { VerifyingReads } from "../../download/verifying-reads.ts";
import type { Room } from "../../hosted/uploads.ts";
import type { Digest } from "../../protocol/digest.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import type { Generation } from "../../runtime/generation.ts";
import { Hashing } from "../../runtime/hashing.ts";
import type { Tracing } from "../../runtime/tracing.ts";
import type { Archiving } from "../../store/archiving/archiving.ts";
import { TieredBlobs } from "../../store/archiving/tiered-blobs.ts";
import type { Log } from "../log.ts";
import { isRedirecting } from "../settings/archive-place.ts";
import type { Settings } from "../settings/settings.ts";
import { type Archived, composeArchiving, linksOf, openArchived } from "./archive.ts";
import { lifeOf } from "./cache-life.ts";
import { challengeRecords } from "./challenges.ts";
import { fullness, mustStayFree } from "./fullness.ts";
import { LooseContent } from "./loose-content.ts";
import type { Store } from "./store.ts";
import type { Upstream } from "./upstream.ts";

/** Bytes of the largest blob that is kept. */
export const largestKept = 20 * 1024 ** 3;

/** Milliseconds after which records that nobody has renewed go: three months. */
const longestUnused = 90 * 86_400_000;

export type CacheParts = {
  readonly settings: Settings;
  readonly store: Store;
  readonly upstream: Upstream;
  readonly archived?: Archived | undefined;
  readonly secret: Uint8Array;
  readonly now: () => number;
  readonly clock?: Clock;
  readonly generation?: Pick<Generation, "raise"> | undefined;
  readonly log: Pick<Log, "cache" | "store">;
  readonly tracing?: Tracing | undefined;
};

export type Cache = ReturnType<typeof composeCache>;

export function composeCache(parts: CacheParts) {
  const { settings, store, upstream, archived, now, log } = parts;
  const { blobs, records, holds } = store;
  const { client } = upstream;
  const observe = log.cache;
  const usage = usageOf(parts);
  const archiving =
    archived &&
    composeArchiving({
      ...{ ...archived, store, usage, log, clock: parts.clock ?? systemClock },
      originOf: (digest) => pulls.originOf(digest),
      eviction: () => eviction,
    });
  const makeRoom = (error: unknown): void => eviction.writeFailed(error);
  const disk = new DiskHealth({ drafts: blobs, observe, makeRoom });
  const drafts = new GuardedDrafts(blobs, disk);
  const books = booksOf(() => ({ pulls, downloads, eviction, archiving }));
  const downloads = new Downloads({
    ...{ client, blobs: drafts, books, observe, ...downloadsBy(settings, usage, archiving) },
    isPaused: () => disk.isPaused,
    tracing: parts.tracing,
  });
  const rechecks = new VerifyingReads({ blobs, books, observe });
  const tiers = archiving === undefined ? blobs : new TieredBlobs(blobs, archiving);
  const kept = { blobs: tiers, drafts, downloads, rechecks, usage, books, archived: archiving };
  const pulls = pullsOf(parts, kept);
  const eviction = evictionOf({ settings, store, disk, usage, pulls, books, observe, archiving });
  const loose = new LooseContent({
    blobs,
    holds,
    usage,
    books,
    archive: archiving,
    isCached: (d) => pulls.isHeldAnywhere(d),
  });
  holds.watch(loose.watcher);
  const aging = agingOf(parts, pulls);
  const scrub = new Scrub({
    ...{ blobs, records, books, observe, now },
    clock: systemClock,
    interval: settings.cache.scrubInterval,
  });
  return {
    pulls,
    /** What is being fetched right now. */
    underway: () => downloads.underway(),
    isKept: (digest: Digest): boolean =>
      usage.has(digest) || holds.isHeld(digest) || archiving?.sizeOf(digest) !== undefined,
    /** Undefined where the disk is all there is. */
    archiving,
    openArchived: (digest: Digest) => openArchived(downloads, digest),
    ...fullness({ settings, store, usage, now, isWritable: () => disk.degraded.length === 0 }),
    ...{ rechecks, loose },
    room: roomFor({ disk, eviction, observe }),
    /** Sentences about what keeps it from keeping anything. */
    degraded: () => [...disk.degraded, ...(archived?.archive.degraded ?? [])],
    ...lifeOf({
      ...{ blobs, usage, pulls, scrub, aging, eviction, downloads, rechecks, disk, archiving },
    }),
  };
}

/** What is pushed needs room too, and only the cache can make some. */
function roomFor(its: {
  readonly disk: DiskHealth;
  readonly eviction: Eviction;
  readonly observe: Observe;
}): Room {
  const { disk, eviction, observe } = its;
  return {
    taken: () => eviction.wake(),
    missing: (error) => {
      observe({ kind: "diskFailed", error });
      disk.writeFailed(error);
    },
  };
}

type Informed = {
  readonly pulls: Pick<PullThrough, "stored" | "gone" | "away">;
  readonly downloads: Pick<Downloads, "gone">;
  readonly eviction: Pick<Eviction, "wake">;
  readonly archiving: Pick<Archiving, "add" | "sizeOf"> | undefined;
};

/** All who have to know what is kept; they are built after those who tell them. */
function booksOf(informed: () => Informed): Bookkeeping {
  return {
    stored: (blob) => {
      const { pulls, eviction, archiving } = informed();
      pulls.stored(blob);
      archiving?.add(blob.digest);
      eviction.wake();
    },
    gone: (digest) => {
      const { pulls, downloads, archiving } = informed();
      if (archiving?.sizeOf(digest) === undefined) pulls.gone(digest);
      else pulls.away(digest);
      downloads.gone(digest);
    },
  };
}

type EvictionParts = Pick<CacheParts, "settings" | "store"> & {
  readonly disk: DiskHealth;
  readonly usage: Usage;
  readonly pulls: PullThrough;
  readonly books: Bookkeeping;
  readonly observe: Observe;
  readonly archiving: Pick<Archiving, "isWaiting"> | undefined;
};

function usageOf({ settings, store, archived, now, log }: CacheParts): Usage {
  const { records, holds } = store;
  return new Usage({
    ...{ records, observe: log.cache, now, isHeld: (digest) => holds.isOnlyHere(digest) },
    ...(archived === undefined ? {} : { most: settings.cache.maxSize }),
  });
}

function evictionOf(parts: EvictionParts): Eviction {
  const { settings, disk, usage, pulls, books, observe, archiving } = parts;
  const { blobs, holds } = parts.store;
  return new Eviction({
    ...{ blobs, disk, usage, maxSize: settings.cache.maxSize, books, observe },
    minFree: (total) => mustStayFree(settings, total),
    isHeld: (digest) => holds.isOnlyHere(digest),
    isDelivered: (digest) => archiving?.isWaiting(digest) !== true,
    wanted: () => pulls.wanted(),
  });
}

type Kept = "blobs" | "drafts" | "downloads" | "rechecks" | "usage" | "books" | "archived";

function pullsOf(parts: CacheParts, kept: Pick<PullThroughOptions, Kept>): PullThrough {
  const { settings, store, upstream, archived, secret, now, generation, log, tracing } = parts;
  const { tagTtl, staleIfError, offline } = settings.cache;
  return new PullThrough(
    pullParts({
      ...{ ...kept, client: upstream.client, records: store.records, observe: log.cache, now },
      ...{ generation, secret, tagTtl, tagRules: settings.registries.policy.tags, tracing },
      credentialOf: (registry, repository) =>
        upstream.authorizer.credentialOf(registry, repository),
      links: isRedirecting(settings) && archived ? linksOf(archived) : undefined,
      staleIfError: offline ? Number.POSITIVE_INFINITY : staleIfError,
    }),
  );
}

function agingOf({ settings, store, now, log }: CacheParts, pulls: PullThrough): RecordAging {
  const { offline, staleIfError } = settings.cache;
  return new RecordAging({
    ...{
      records: store.records,
      kinds: [...pulls.aging(), challengeRecords],
      observe: log.cache,
      now,
    },
    clock: systemClock,
    life: offline ? Number.POSITIVE_INFINITY : Math.max(longestUnused, staleIfError),
  });
}

function downloadsBy({ cache }: Settings, usage: Usage, archiving: Archiving | undefined) {
  const admission = new TierAdmission(usage, cache.maxSize);
  return {
    // One that is more than everything kept may be would push out all of it, and itself.
    mostKept: archiving === undefined ? Math.min(largestKept, cache.maxSize) : largestKept,
    // A second core hashes while the first one receives and sends.
    ...(availableParallelism() > 1 && { beginHash: new Hashing(systemClock.after).begin }),
    mayStay: (digest: Digest, size: number) => admission.mayStay(digest, size),
    archive: archiving && {
      open: (...ask: Parameters<Archiving["open"]>) => archiving.open(...ask),
      suspect: (digest: Digest) => void archiving.suspect(digest),
    },
    detached: {
      count: cache.orphanDownloads,
      bytes: cache.orphanSize,
      milliseconds: cache.orphanTime,
    },
  };
}
