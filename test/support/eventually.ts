/** Waits for a condition that something else makes true, and fails with the condition's own words. */
import { setTimeout as pause } from "node:timers/promises";

/**
 * Calls `check` until it neither throws nor returns false, and gives what it returned; after
 * `withinMs` the last error is thrown. That is for what never comes: on a busy machine a program
 * alone may take half a minute to start.
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { withinMs = 45_000, everyMs = 5 }: { withinMs?: number; everyMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const outcome = await attempt(check);
    if (outcome.isMet) return outcome.value;
    if (performance.now() > deadline) {
      throw new Error(`not so within ${withinMs} ms: ${outcome.error}`, { cause: outcome.error });
    }
    await pause(everyMs);
  }
}

type Outcome<T> =
  | { readonly isMet: true; readonly value: T }
  | { readonly isMet: false; readonly error: unknown };

async function attempt<T>(check: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    const value = await check();
    if (value === false) return { isMet: false, error: new Error("the condition is false") };
    return { isMet: true, value };
  } catch (error) {
    return { isMet: false, error };
  }
}
