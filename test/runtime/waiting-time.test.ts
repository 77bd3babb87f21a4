import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { afterWaiting } from "../../src/runtime/deadline.ts";
import { eventually } from "../support/eventually.ts";

function holdUp(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

/** Milliseconds until it rings. */
function rung(milliseconds: number): Promise<number> {
  const began = performance.now();
  return new Promise((resolve) => {
    afterWaiting(milliseconds, () => resolve(performance.now() - began));
  });
}

afterEach(() => {
  vi.useRealTimers();
});

describe("the time somebody waits", () => {
  it.each([0, 20, 100, 250])("of %i ms is over after that, and not before", async (limit) => {
    expect(await rung(limit)).toBeGreaterThanOrEqual(limit - 1.5);
  });

  it("is not over because this process was held up for longer", async () => {
    let hasRung = false;
    afterWaiting(80, () => {
      hasRung = true;
    });
    await nextTurn();
    holdUp(300);
    await nextTurn();
    expect(hasRung).toBe(false);
    await eventually(() => hasRung);
  });

  it("has an end for a process that is held up all the time", async () => {
    const busy = setInterval(() => holdUp(170), 1);
    expect(await rung(300)).toBeLessThan(10_000);
    clearInterval(busy);
  });

  it("never rings when nobody waits any more", async () => {
    vi.useFakeTimers();
    let rings = 0;
    const ring = (): void => {
      rings += 1;
    };
    const cancel = afterWaiting(120, ring);
    afterWaiting(120, ring);
    vi.advanceTimersByTime(110);
    cancel();
    vi.advanceTimersByTime(1_000);
    expect(rings).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});
