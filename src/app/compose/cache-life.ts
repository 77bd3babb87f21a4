/** How the cache begins to work by itself, and how it ends. */
import type { DiskHealth } from "../../cache/keeping/disk-health.ts";
import type { Eviction } from "../../cache/keeping/eviction.ts";
import type { RecordAging } from "../../cache/keeping/record-aging.ts";
import type { Scrub } from "../../cache/keeping/scrub.ts";
import type { Usage } from "../../cache/keeping/usage.ts";
import type { PullThrough } from "../../cache/pull-through.ts";
import type { Downloads } from "../../download/downloads.ts";
import type { VerifyingReads } from "../../download/verifying-reads.ts";
import type { Archiving } from "../../store/archiving/archiving.ts";
import type { Store } from "./store.ts";

export type LivingCache = {
  readonly blobs: Store["blobs"];
  readonly usage: Usage;
  readonly pulls: PullThrough;
  readonly scrub: Scrub;
  readonly aging: RecordAging;
  readonly eviction: Eviction;
  readonly downloads: Downloads;
  readonly rechecks: VerifyingReads;
  readonly disk: DiskHealth;
  readonly archiving: Archiving | undefined;
};

export function lifeOf(its: LivingCache) {
  const { blobs, usage, pulls, scrub, aging, eviction, downloads, rechecks, disk } = its;
  const { archiving } = its;
  /** Resolves once everything kept is known by size and use: what the archive has counts, be it pushed or not. */
  const load = async (): Promise<void> => {
    await archiving?.load();
    await usage.load(blobs);
  };
  return {
    load,
    /** The same, and goes on by itself from here; pulls need not wait for it. */
    start: async (): Promise<void> => {
      usage.start();
      pulls.start();
      scrub.start();
      aging.start();
      await load();
      eviction.wake();
      await archiving?.start();
    },
    close: async (): Promise<void> => {
      const working = [scrub, aging, eviction, downloads, rechecks, archiving];
      await Promise.all(working.map((one) => one?.close()));
      await pulls.close();
      await usage.close();
      disk.close();
    },
  };
}
