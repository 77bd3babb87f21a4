import { describe, expect, it } from "vitest";
import { pause, systemTiming } from "../../src/cache/timing.ts";
import { TestTiming } from "./support/test-timing.ts";

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
