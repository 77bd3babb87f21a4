/** Time and chance, handed in so that no test waits for either. */

export type Timing = {
  /** From 0 to below 1. */
  readonly random: () => number;
  /** Acts once after so many milliseconds, unless what it returns is called first. Never holds the process. */
  readonly after: (milliseconds: number, act: () => void) => () => void;
};

/** The most a timer of Node's can wait, 24.8 days: whatever is longer it takes for one millisecond. */
const longest = 2 ** 31 - 1;

/** The machine's own. */
export const systemTiming: Timing = {
  random: Math.random,
  after: (milliseconds, act) => {
    let timer: NodeJS.Timeout | undefined;
    const wait = (left: number): void => {
      const next = left > longest ? () => wait(left - longest) : act;
      timer = setTimeout(next, Math.min(left, longest)).unref();
    };
    wait(milliseconds);
    return () => clearTimeout(timer);
  },
};

/** Resolves after so many milliseconds; rejects with the signal's reason when that comes first. */
export function pause(timing: Timing, milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const interrupt = (): void => {
      cancel();
      reject(signal.reason);
    };
    const cancel = timing.after(milliseconds, () => {
      signal.removeEventListener("abort", interrupt);
      resolve();
    });
    signal.addEventListener("abort", interrupt, { once: true });
  });
}
