/** What a question to a server fails with, and that it does so by 300 ms, however late a busy machine calls timers. */
import { expect } from "vitest";

/** Milliseconds that the product waits. */
const patience = 200;

/** Undefined where it does not fail. `what` stands in the words of a test that fails. */
export async function failureOf(work: Promise<unknown>, what?: string): Promise<unknown> {
  const from = performance.now();
  let late = 0;
  const timer = setTimeout(() => {
    late = Math.max(0, performance.now() - from - patience);
  }, patience);
  const error: unknown = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  clearTimeout(timer);
  expect(performance.now() - from - late, what).toBeLessThan(300);
  return error;
}
