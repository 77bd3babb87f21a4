import { afterEach, describe, expect, it, vi } from "vitest";
import { pause, systemClock } from "../../src/runtime/clock.ts";
import { TestClock } from "../support/test-clock.ts";

afterEach(() => {
  vi.useRealTimers();
});

describe("a pause", () => {
  it("is over after its time", async () => {
    await pause(systemClock, 1, new AbortController().signal);
  });

  it("ends with the signal's reason, and its timer with it", async () => {
    const clock = new TestClock();
    const stop = new AbortController();
    const pausing = pause(clock, 5_000, stop.signal);
    stop.abort(new Error("enough"));
    await expect(pausing).rejects.toThrow("enough");
    expect(clock.waiting).toBe(0);
    await expect(pause(clock, 5_000, stop.signal)).rejects.toThrow("enough");
    expect(clock.waiting).toBe(0);
  });

  it("of sixty days does not end at once, as a timer of Node's own would", async () => {
    vi.useFakeTimers();
    const day = 86_400_000;
    let acted = 0;
    const act = () => {
      acted += 1;
    };
    systemClock.after(60 * day, act);
    const cancel = systemClock.after(60 * day, act);
    vi.advanceTimersByTime(59 * day);
    expect(acted).toBe(0);
    cancel();
    vi.advanceTimersByTime(2 * day);
    expect(acted).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("does not come when it was called off", async () => {
    let acted = 0;
    const cancel = systemClock.after(1, () => {
      acted += 1;
    });
    cancel();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(acted).toBe(0);
  });
});
