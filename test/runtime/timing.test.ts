import { afterEach, describe, expect, it, vi } from "vitest";
import { pause, systemTiming } from "../../src/runtime/timing.ts";
import { TestTiming } from "../cache/support/test-timing.ts";

afterEach(() => {
  vi.useRealTimers();
});

describe("a pause", () => {
  it("is over after its time", async () => {
    await pause(systemTiming, 1, new AbortController().signal);
  });

  it("ends with the signal's reason, and its timer with it", async () => {
    const timing = new TestTiming();
    const stop = new AbortController();
    const pausing = pause(timing, 5_000, stop.signal);
    stop.abort(new Error("enough"));
    await expect(pausing).rejects.toThrow("enough");
    expect(timing.waiting).toBe(0);
    await expect(pause(timing, 5_000, stop.signal)).rejects.toThrow("enough");
    expect(timing.waiting).toBe(0);
  });

  it("of sixty days does not end at once, as a timer of Node's own would", async () => {
    vi.useFakeTimers();
    const day = 86_400_000;
    let acted = 0;
    const act = () => {
      acted += 1;
    };
    systemTiming.after(60 * day, act);
    const cancel = systemTiming.after(60 * day, act);
    vi.advanceTimersByTime(59 * day);
    expect(acted).toBe(0);
    cancel();
    vi.advanceTimersByTime(2 * day);
    expect(acted).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("does not come when it was called off", async () => {
    let acted = 0;
    const cancel = systemTiming.after(1, () => {
      acted += 1;
    });
    cancel();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(acted).toBe(0);
  });
});
