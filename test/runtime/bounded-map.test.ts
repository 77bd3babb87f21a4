import { describe, expect, it } from "vitest";
import { BoundedMap } from "../../src/runtime/bounded-map.ts";

describe("a bounded map", () => {
  it("forgets what was used longest ago", () => {
    const map = new BoundedMap<string, number>({ limit: 2 });
    map.set("a", 1);
    map.set("b", 2);
    map.get("a");
    map.set("c", 3);
    expect([...map.entries()]).toEqual([
      ["a", 1],
      ["c", 3],
    ]);
  });

  it("counts what its values weigh", () => {
    const map = new BoundedMap<string, string>({ limit: 10, weigh: (value) => value.length });
    map.set("a", "1234");
    map.set("b", "1234");
    map.set("a", "12");
    expect([map.weight, map.size]).toEqual([6, 2]);
    map.set("c", "12345678");
    expect([map.get("b"), map.weight]).toEqual([undefined, 10]);
    expect(map.delete("c")).toBe(true);
    expect(map.delete("c")).toBe(false);
    expect(map.weight).toBe(2);
  });

  it("does not keep one value that is too heavy alone", () => {
    const map = new BoundedMap<string, string>({ limit: 3, weigh: (value) => value.length });
    map.set("a", "1234");
    expect([map.size, map.weight]).toEqual([0, 0]);
  });
});
