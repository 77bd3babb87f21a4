/** What a question to a server fails with, and that it does so by 300 ms, however late a busy machine calls timers. */
import { expect } from "vitest";

/** Milliseconds between two looks at the clock, and how long a machine with time for us takes at most. */
const [tick, usual] = [5, 15];

/** Undefined where it does not fail. `what` stands in the words of a test that fails. */
export async function failureOf(work: Promise<unknown>, what?: string): Promise<unknown> {
  const from = performance.now();
  let [last, late] = [from, 0];
  const look = (): void => {
    const now = performance.now();
    late += Math.max(0, now - last - usual);
    last = now;
  };
  const looking = setInterval(look, tick);
  const error: unknown = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  clearInterval(looking);
  look();
  expect(last - from - late, what).toBeLessThan(300);
  return error;
}
