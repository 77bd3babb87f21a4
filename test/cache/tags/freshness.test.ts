import { describe, expect, it } from "vitest";
import { ageOf, isDue, isFresh, maySubstitute } from "../../../src/cache/tags/freshness.ts";

const rule = { ttl: 10_000, isImmutable: false, isNoCache: false };
const aged = (milliseconds: number) => ({ checkedAt: 1_000_000, now: 1_000_000 + milliseconds });

describe("a tag", () => {
  it("is fresh for its time to live", () => {
    expect([isFresh(aged(9_999), rule), isFresh(aged(10_000), rule)]).toEqual([true, false]);
  });

  it("that is immutable never grows old, one that is no-cache is never fresh", () => {
    expect(isFresh(aged(1e12), { ...rule, isImmutable: true })).toBe(true);
    expect(isFresh(aged(0), { ...rule, isNoCache: true })).toBe(false);
    expect(isDue(aged(1e12), { ...rule, isImmutable: true })).toBe(false);
  });

  it("has no negative age after the clock was set back, and is asked about", () => {
    expect(ageOf(aged(-3_600_000))).toBe(0);
    expect(isFresh(aged(-3_600_000), rule)).toBe(false);
    expect(isFresh(aged(-3_600_000), { ...rule, isImmutable: true })).toBe(true);
    expect(maySubstitute(aged(-3_600_000), 1)).toBe(true);
  });

  it("is due before it is old", () => {
    expect([isDue(aged(7_000), rule), isDue(aged(7_500), rule)]).toEqual([false, true]);
  });

  it("is believed longer as the budget nears its end", () => {
    const budget = (remaining: number) => ({ limit: 100, remaining });
    expect(isFresh(aged(10_000), rule, budget(20))).toBe(false);
    expect(isFresh(aged(59_000), rule, budget(19))).toBe(true);
    expect(isFresh(aged(299_000), rule, budget(1))).toBe(true);
    expect(isFresh(aged(10_000), rule, { limit: 0, remaining: 0 })).toBe(false);
  });

  it("stands in for a silent upstream as long as it may", () => {
    expect([
      maySubstitute(aged(86_400_000), 86_400_000),
      maySubstitute(aged(86_400_001), 86_400_000),
    ]).toEqual([true, false]);
    expect(maySubstitute(aged(1e15), Number.POSITIVE_INFINITY)).toBe(true);
  });
});
