/**
 * Downloads that go on though nobody reads them any more, so that the next client finds the blob:
 * so many, so large in all, so long each, and no more.
 */
import type { Clock } from "../runtime/clock.ts";
import type { Progress } from "./progress.ts";

export type DetachedLimits = {
  readonly count: number;
  readonly bytes: number;
  readonly milliseconds: number;
};

type Detached = {
  readonly progress: Pick<Progress, "size" | "received">;
  abandon(): void;
};

export const usualLimits: DetachedLimits = {
  count: 8,
  bytes: 4 * 1024 ** 3,
  milliseconds: 10 * 60_000,
};

export class DetachedDownloads {
  readonly #limits: DetachedLimits;
  readonly #clock: Clock;
  readonly #timers = new Map<Detached, () => void>();

  constructor(limits: DetachedLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Lets it go on alone for a while, then abandons it; at once if it is too much. */
  add(download: Detached): void {
    const all = [download, ...this.#timers.keys()];
    const sizes = all.map(({ progress }) => progress.size ?? progress.received);
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    const { count, bytes: most, milliseconds } = this.#limits;
    if (all.length > count || bytes > most) download.abandon();
    else
      this.#timers.set(
        download,
        this.#clock.after(milliseconds, () => download.abandon()),
      );
  }

  /** It has a reader again, or is over. */
  remove(download: Detached): void {
    this.#timers.get(download)?.();
    this.#timers.delete(download);
  }
}
