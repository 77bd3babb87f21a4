import { beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/runtime/clock.ts";
import { afterWaiting } from "../../src/runtime/deadline.ts";
import { SteppedClock } from "../support/stepped-clock.ts";

let clock: SteppedClock;
beforeEach(() => {
  clock = new SteppedClock();
});

/** Whether so many milliseconds are over by now. */
function waiting(milliseconds: number) {
  const bell = { rings: 0 };
  const cancel = afterWaiting(clock, milliseconds, () => {
    bell.rings += 1;
  });
  return { bell, cancel };
}

describe("the time somebody waits", () => {
  it.each([1, 20, 100, 250])("of %i ms is over after that, and not before", (limit) => {
    const { bell } = waiting(limit);
    clock.pass(limit - 1);
    expect(bell.rings).toBe(0);
    clock.pass(1);
    expect(bell.rings).toBe(1);
  });

  it("of nothing is over at the next chance", () => {
    const { bell } = waiting(0);
    expect(bell.rings).toBe(0);
    clock.pass(0);
    expect(bell.rings).toBe(1);
  });

  it("is not over because this process was held up for longer", () => {
    const { bell } = waiting(80);
    clock.standStill(300);
    expect(bell.rings).toBe(0);
    clock.pass(80);
    expect(bell.rings).toBe(1);
  });

  it("has an end for a process that is held up all the time", () => {
    const { bell } = waiting(300);
    let passed = 0;
    for (; bell.rings === 0 && passed < 10_000; passed += 170) clock.standStill(170);
    expect(passed).toBeLessThan(10_000);
  });

  it("never rings when nobody waits any more", () => {
    const [left, stayed] = [waiting(120), waiting(120)];
    clock.pass(110);
    left.cancel();
    clock.pass(1_000);
    expect([left.bell.rings, stayed.bell.rings]).toEqual([0, 1]);
    expect(clock.waiting).toBe(0);
  });

  it("goes by on the machine's clock too", async () => {
    const began = performance.now();
    await new Promise<void>((resolve) => {
      afterWaiting(systemClock, 20, resolve);
    });
    expect(performance.now() - began).toBeGreaterThanOrEqual(18.5);
  });
});
