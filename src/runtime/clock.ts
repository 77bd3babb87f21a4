/** Time and chance, handed in so that no test waits for either. */

export interface Clock {
  /** Milliseconds since 1970 by the machine's clock, which somebody may set: for dates that others read. */
  now(): number;
  /** The same at the start, and from there at an even pace: for how long something has been so. */
  steady(): number;
  /** From 0 to below 1. */
  random(): number;
  /** Acts once after so many milliseconds, unless what it returns is called first. Never holds the process. */
  after(milliseconds: number, act: () => void): () => void;
}

/** The most a timer of Node's can wait, 24.8 days: whatever is longer it takes for one millisecond. */
const longest = 2 ** 31 - 1;

/** The machine's own. */
export const systemClock: Clock = {
  now: Date.now,
  steady: () => performance.timeOrigin + performance.now(),
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
export function pause(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const interrupt = (): void => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.after(milliseconds, () => {
      signal.removeEventListener("abort", interrupt);
      resolve();
    });
    signal.addEventListener("abort", interrupt, { once: true });
  });
}
