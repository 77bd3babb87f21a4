/** How much is kept, how much room there is, and what would go first. */
import type { Usage } from "../../cache/keeping/usage.ts";
import type { Catalogue } from "../../hosted/catalogue.ts";
import type { Digest } from "../../protocol/digest.ts";
import type { Settings } from "../settings/settings.ts";
import type { Store } from "./store.ts";

type FullnessParts = {
  readonly settings: Settings;
  readonly store: Pick<Store, "blobs" | "catalogue">;
  readonly usage: Usage;
  readonly isWritable: () => boolean;
  /** Milliseconds. */
  readonly now: () => number;
};

export function fullness({ settings, store, usage, isWritable, now }: FullnessParts) {
  const limit = settings.cache.maxSize;
  const pushed = store.catalogue && onceAMinute(now, () => bytesIn(store.catalogue));
  return {
    kept: () => ({
      ...{ bytes: usage.total, limit, blobs: usage.count, isWritable: isWritable() },
      held: pushed === undefined ? {} : { hosted: pushed() },
    }),
    nextToGo: () =>
      firstOf(usage.oldestFirst(), 10).map((one) => ({ ...one, usedAt: Math.round(one.usedAt) })),
    /** Undefined where there is no such limit, or the disk does not say. */
    disk: async () => {
      const space = await store.blobs.space().catch(() => undefined);
      return space && { ...space, mustStayFree: mustStayFree(settings, space.total) };
    },
  };
}

export function mustStayFree({ cache }: Settings, total: number): number {
  return Math.max(cache.minFree.bytes, cache.minFree.fraction * total);
}

/** Of all that was pushed here, whatever lies in several repositories once. */
function bytesIn(catalogue: Catalogue | undefined): number {
  const sizes = new Map<Digest, number>();
  for (const [, { blobs, manifests }] of catalogue?.repositories() ?? []) {
    for (const all of [blobs, manifests]) {
      for (const [digest, { size }] of all) sizes.set(digest, size);
    }
  }
  let sum = 0;
  for (const size of sizes.values()) sum += size;
  return sum;
}

/** What takes a walk over everything is not walked for each who looks. */
function onceAMinute(now: () => number, count: () => number): () => number {
  let [value, countedAt] = [0, Number.NEGATIVE_INFINITY];
  return () => {
    if (now() - countedAt >= 60_000) [value, countedAt] = [count(), now()];
    return value;
  };
}

function firstOf<T>(all: Iterable<T>, count: number): readonly T[] {
  const first: T[] = [];
  for (const one of all) {
    if (first.push(one) === count) break;
  }
  return first;
}
