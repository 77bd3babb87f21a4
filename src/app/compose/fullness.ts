/** How much is kept, how much room there is, and what would go first. */
import type { Usage } from "../../cache/keeping/usage.ts";
import type { Settings } from "../settings/settings.ts";
import type { Store } from "./store.ts";

type FullnessParts = {
  readonly settings: Settings;
  readonly store: Pick<Store, "blobs">;
  readonly usage: Usage;
  readonly isWritable: () => boolean;
};

export function fullness({ settings, store, usage, isWritable }: FullnessParts) {
  const limit = settings.cache.maxSize;
  return {
    kept: () => ({
      ...{ bytes: usage.total, limit, blobs: usage.count, held: {} },
      isWritable: isWritable(),
    }),
    nextToGo: () => firstOf(usage.oldestFirst(), 10),
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

function firstOf<T>(all: Iterable<T>, count: number): readonly T[] {
  const first: T[] = [];
  for (const one of all) {
    if (first.push(one) === count) break;
  }
  return first;
}
