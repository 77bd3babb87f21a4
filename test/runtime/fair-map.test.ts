import { describe, expect, it } from "vitest";
import { FairMap } from "../../src/runtime/fair-map.ts";
import { timeSpent } from "../support/longest-turn.ts";

const bytes = { limit: 1_000, of: (value: string, key: string) => key.length + value.length };

describe("a fair map", () => {
  it("keeps what one has while another floods it with 20,000 names", () => {
    const map = new FairMap<string, number>({ limit: 100 });
    for (let one = 0; one < 30; one += 1) map.set(`mine ${one}`, one, "10.0.0.1");
    for (let one = 0; one < 20_000; one += 1) map.set(`flood ${one}`, one, "10.0.0.66");
    for (let one = 0; one < 30; one += 1) expect(map.get(`mine ${one}`)).toBe(one);
    expect(map.size).toBe(100);
    expect(map.get("flood 19999")).toBe(19_999);
    expect(map.get("flood 0")).toBeUndefined();
  });

  it("takes the bytes of who has most of them, however few his entries are", () => {
    const map = new FairMap<string, string>({ limit: 1_000, bytes });
    map.set("small", "x", "10.0.0.1");
    for (let one = 0; one < 50; one += 1) map.set(`large ${one}`, "x".repeat(200), "10.0.0.66");
    expect(map.get("small")).toBe("x");
    expect(map.bytes).toBeLessThanOrEqual(1_000);
    expect(map.get("large 49")?.length).toBe(200);
  });

  it("forgets what one himself used longest ago", () => {
    const map = new FairMap<string, number>({ limit: 3 });
    for (const key of ["a", "b", "c"]) map.set(key, 1, "10.0.0.1");
    map.get("a");
    map.set("d", 1, "10.0.0.1");
    expect([...map.entries()].map(([key]) => key)).toEqual(["c", "a", "d"]);
    expect([...map.values()].length).toBe(3);
  });

  it("leaves what a flooder asked for first with those who use it", () => {
    const map = new FairMap<string, number>({ limit: 100 });
    map.set("everybody's", 1, "10.0.0.66");
    for (let one = 0; one < 50; one += 1) map.set(`flood ${one}`, one, "10.0.0.66");
    map.set("everybody's", 2, "10.0.0.1");
    for (let one = 0; one < 20_000; one += 1) {
      map.set(`flood ${one}`, one, "10.0.0.66");
      if (one % 1_000 === 0) map.set("everybody's", 3, "10.0.0.66");
    }
    expect(map.get("everybody's")).toBe(3);
  });

  it("makes room in no time where thousands have one entry each", () => {
    const map = new FairMap<number, number>({ limit: 10_000 });
    const filling = timeSpent(() => {
      for (let one = 0; one < 10_000; one += 1) map.set(one, one, `10.0.${one >> 8}.${one & 255}`);
    });
    const replacing = timeSpent(() => {
      for (let one = 10_000; one < 20_000; one += 1)
        map.set(one, one, `10.1.${one >> 8}.${one & 255}`);
    });
    expect(map.size).toBe(10_000);
    expect(map.get(19_999)).toBe(19_999);
    expect(map.get(0)).toBeUndefined();
    // To look at each of them each time took a thousand times as long.
    expect(replacing).toBeLessThan(50 * filling + 1_000);
  });

  it("leaves an entry where it is when nobody in particular puts it in again", () => {
    const map = new FairMap<string, number>({ limit: 2 });
    map.set("a", 1, "10.0.0.1");
    map.set("a", 2);
    map.set("b", 1, "10.0.0.66");
    map.set("c", 1, "10.0.0.66");
    expect([map.get("a"), map.get("b"), map.get("c")]).toEqual([2, undefined, 1]);
  });

  it("does not keep what alone is too large, and counts nothing of it", () => {
    const map = new FairMap<string, string>({ bytes });
    map.set("a", "x".repeat(1_000), "10.0.0.1");
    expect([map.size, map.bytes, map.has("a")]).toEqual([0, 0, false]);
  });

  it("counts what is left when entries are deleted or replaced", () => {
    const map = new FairMap<string, string>({ bytes });
    map.set("a", "12345", "10.0.0.1");
    map.set("a", "1", "10.0.0.1");
    map.set("b", "1", "10.0.0.2");
    expect([map.bytes, map.size]).toEqual([4, 2]);
    expect([map.delete("a"), map.delete("a")]).toEqual([true, false]);
    expect([map.bytes, map.size]).toEqual([2, 1]);
  });
});
