/** Time and chance, handed in so that no test waits for either. */

export type Timing = {
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** Acts once after so many milliseconds, unless what it returns is called first. Never holds the process. */
  readonly after: (milliseconds: number, act: () => void) => () => void;
};
