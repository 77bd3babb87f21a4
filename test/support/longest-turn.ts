/**
 * How long the event loop was kept busy at a stretch, counted in the thread's own processor time: what
 * else the machine has to do meanwhile makes no difference.
 */
import { setImmediate as nextTurn } from "node:timers/promises";

/** Milliseconds of the longest turn of the event loop while `work` was under way. */
export async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let isDone = false;
  const watching = (async () => {
    for (let before = used(); !isDone; ) {
      await nextTurn();
      const now = used();
      longest = Math.max(longest, now - before);
      before = now;
    }
  })();
  await nextTurn();
  longest = 0;
  try {
    await work();
  } finally {
    isDone = true;
    await watching;
  }
  return longest;
}

/** Milliseconds of its own that this thread spent on it. */
export function timeSpent(work: () => unknown): number {
  const before = used();
  work();
  return used() - before;
}

function used(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/**
 * Whether one of three tries has no turn longer than `milliseconds`: memory that happens to be
 * cleared up in the middle of one says nothing of the work.
 */
export async function staysBelow(
  milliseconds: number,
  measure: () => Promise<number>,
): Promise<boolean> {
  for (let tries = 0; tries < 3; tries += 1) if ((await measure()) < milliseconds) return true;
  return false;
}
