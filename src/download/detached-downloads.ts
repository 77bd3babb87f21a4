/**
 * Downloads that go on though nobody reads them any more, so that the next client finds the blob:
 * so many, so large in all, so long each, and no more.
 */
import type { Clock } from "../runtime/clock.ts";

export type OrphanLimits = {
  readonly count: number;
  readonly bytes: number;
  readonly milliseconds: number;
};

/** How far a download is; it stands for the download. */
type Orphan = { readonly written: number; readonly size: number | undefined };

export const usualOrphans: OrphanLimits = {
  count: 8,
  bytes: 4 * 1024 ** 3,
  milliseconds: 10 * 60_000,
};

export class DetachedDownloads {
  readonly #limits: OrphanLimits;
  readonly #clock: Clock;
  readonly #clocks = new Map<Orphan, () => void>();

  constructor(limits: OrphanLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Lets it go on alone for a while; calls `abandon` when that is over, or now if it is too much. */
  leave(download: Orphan, abandon: () => void): void {
    const all = [download, ...this.#clocks.keys()];
    const bytes = all.reduce((sum, orphan) => sum + (orphan.size ?? orphan.written), 0);
    const { count, bytes: most, milliseconds } = this.#limits;
    if (all.length > count || bytes > most) abandon();
    else this.#clocks.set(download, this.#clock.after(milliseconds, abandon));
  }

  /** It has a reader again, or is over. */
  reclaim(download: Orphan): void {
    this.#clocks.get(download)?.();
    this.#clocks.delete(download);
  }
}
