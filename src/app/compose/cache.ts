/** The cache over its store: downloads, the policy of a pull, what is forgotten and what is re-read. */

import type { SharedCredential } from "../../cache/access/visibility.ts";
import type { Observe } from "../../cache/cache-event.ts";
import { DiskHealth, GuardedDrafts } from "../../cache/keeping/disk-health.ts";
import { Eviction } from "../../cache/keeping/eviction.ts";
import { RecordAging } from "../../cache/keeping/record-aging.ts";
import { Scrub } from "../../cache/keeping/scrub.ts";
import { Usage } from "../../cache/keeping/usage.ts";
import type { PullThroughOptions } from "../../cache/pull-parts.ts";
import { PullThrough } from "../../cache/pull-through.ts";
import type { Bookkeeping } from "../../download/bookkeeping.ts";
import { Downloads } from "../../download/downloads.ts";
import { VerifyingReads } from "../../download/verifying-reads.ts";
import type { Room } from "../../hosted/uploads.ts";
import type { Digest } from "../../protocol/digest.ts";
import type { Registry } from "../../protocol/registry-name.ts";
import { systemClock } from "../../runtime/clock.ts";
import type { Log } from "../log.ts";
import type { Settings } from "../settings/settings.ts";
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
  readonly secret: Uint8Array;
  readonly now: () => number;
  readonly log: Pick<Log, "cache">;
};

export type Cache = ReturnType<typeof composeCache>;

export function composeCache(parts: CacheParts) {
  const { settings, store, upstream, now, log } = parts;
  const { blobs, records, holds } = store;
  const { client } = upstream;
  const observe = log.cache;
  const usage = new Usage({ records, observe, now, isHeld: (digest) => holds.isHeld(digest) });
  const makeRoom = (error: unknown): void => eviction.writeFailed(error);
  const disk = new DiskHealth({ drafts: blobs, observe, makeRoom });
  const drafts = new GuardedDrafts(blobs, disk);
  const books = booksOf(() => ({ pulls, downloads, eviction }));
  const limits = downloadLimits(settings);
  const downloads = new Downloads({
    ...{ client, blobs: drafts, books, observe, ...limits },
    isPaused: () => disk.isPaused,
  });
  const rechecks = new VerifyingReads({ blobs, books, observe });
  const pulls = pullsOf(parts, { blobs, drafts, downloads, rechecks, usage, books });
  const eviction = evictionOf({ settings, store, disk, usage, pulls, books, observe });
  const loose = new LooseContent({
    blobs,
    holds,
    usage,
    books,
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
    isKept: (digest: Digest): boolean => usage.has(digest) || holds.isHeld(digest),
    ...fullness({ settings, store, usage, now, isWritable: () => disk.degraded.length === 0 }),
    ...{ rechecks, loose },
    room: roomFor({ disk, eviction, observe }),
    /** Sentences about what keeps it from keeping anything. */
    degraded: () => disk.degraded,
    /** Resolves once everything kept is known by size and use. */
    load: () => usage.load(blobs),
    /** The same, and goes on by itself from here; pulls need not wait for it. */
    start: async () => {
      usage.start();
      pulls.start();
      scrub.start();
      aging.start();
      await usage.load(blobs);
      eviction.wake();
    },
    close: async () => {
      const working = [scrub, aging, eviction, downloads, rechecks];
      await Promise.all(working.map((one) => one.close()));
      await pulls.close();
      await usage.close();
      disk.close();
    },
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
  readonly pulls: Pick<PullThrough, "stored" | "gone">;
  readonly downloads: Pick<Downloads, "gone">;
  readonly eviction: Pick<Eviction, "wake">;
};

/** All who have to know what is kept; they are built after those who tell them. */
function booksOf(informed: () => Informed): Bookkeeping {
  return {
    stored: (blob) => {
      const { pulls, eviction } = informed();
      pulls.stored(blob);
      eviction.wake();
    },
    gone: (digest) => {
      const { pulls, downloads } = informed();
      pulls.gone(digest);
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
};

function evictionOf(parts: EvictionParts): Eviction {
  const { settings, disk, usage, pulls, books, observe } = parts;
  const { blobs, holds } = parts.store;
  return new Eviction({
    ...{ blobs, disk, usage, maxSize: settings.cache.maxSize, books, observe },
    minFree: (total) => mustStayFree(settings, total),
    isHeld: (digest) => holds.isHeld(digest),
    wanted: () => pulls.wanted(),
  });
}

function pullsOf(
  { settings, store, upstream, secret, now, log }: CacheParts,
  kept: Pick<PullThroughOptions, "blobs" | "drafts" | "downloads" | "rechecks" | "usage" | "books">,
): PullThrough {
  const { tagTtl, staleIfError, offline } = settings.cache;
  return new PullThrough({
    ...{ ...kept, client: upstream.client, records: store.records, observe: log.cache, now },
    ...{ secret, tagTtl, tagRules: settings.registries.policy.tags },
    credentialOf: (registry, repository) => sharedCredential(upstream, registry, repository),
    staleIfError: offline ? Number.POSITIVE_INFINITY : staleIfError,
  });
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

function downloadLimits({ cache }: Settings) {
  return {
    // One that is more than everything kept may be would push out all of it, and itself.
    mostKept: Math.min(largestKept, cache.maxSize),
    detached: {
      count: cache.orphanDownloads,
      bytes: cache.orphanSize,
      milliseconds: cache.orphanTime,
    },
  };
}

function sharedCredential(
  upstream: Upstream,
  registry: Registry,
  repository: string,
): SharedCredential | undefined {
  const id = upstream.authorizer.credentialId(registry, repository);
  if (id === undefined) return undefined;
  return { id, isRefused: upstream.logins.refused().some((refused) => refused.id === id) };
}
