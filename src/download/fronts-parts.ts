/** What the fronts of one download are given by it, and tell it. */
import type { Clock } from "../runtime/clock.ts";
import type { OpenedBlob } from "../upstream/client/blob-range.ts";
import type { FrontParts } from "./front.ts";
import type { FrontLimits } from "./front-limits.ts";
import type { Progress, Want } from "./progress.ts";
import type { AskedPart } from "./sources.ts";

export type FrontsParts = Pick<FrontParts, "host" | "onBreak" | "write" | "onOpened"> & {
  readonly progress: Progress;
  readonly limits: FrontLimits;
  readonly open: (offset: number, signal: AbortSignal, part?: AskedPart) => Promise<OpenedBlob>;
  /** What readers still want. */
  readonly wants: () => Iterable<Want>;
  /** Whether bytes can be written wherever they belong; undefined before the first is. */
  readonly isAnywhere: () => boolean | undefined;
  /** Whether every byte is there, and hashed. */
  readonly isDone: () => boolean;
  /** Called once, when nothing less than the whole will do. */
  readonly onWhole: () => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
};
