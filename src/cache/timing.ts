/** Time and chance, handed in so that no test waits for either. */

export type Timing = {
  /** From 0 to below 1. */
  readonly random: () => number;
  /** Acts once after so many milliseconds, unless what it returns is called first. Never holds the process. */
  readonly after: (milliseconds: number, act: () => void) => () => void;
};

/** The machine's own. */
export const systemTiming: Timing = {
  random: Math.random,
  after: (milliseconds, act) => {
    const timer = setTimeout(act, milliseconds);
    timer.unref();
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
