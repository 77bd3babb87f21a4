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
  readonly #all = new Set<Detached>();

  constructor(limits: DetachedLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /**
   * Lets it go on alone for a while, then abandons it; at once if it is too much. What is returned is
   * to be called when it has a reader again, or is over.
   */
  add(download: Detached): () => void {
    const all = [download, ...this.#all];
    const sizes = all.map(({ progress }) => progress.size ?? progress.received);
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    const { count, bytes: most, milliseconds } = this.#limits;
    if (all.length > count || bytes > most) {
      download.abandon();
      return () => undefined;
    }
    this.#all.add(download);
    const cancel = this.#clock.after(milliseconds, () => download.abandon());
    return () => {
      cancel();
      this.#all.delete(download);
    };
  }
}
