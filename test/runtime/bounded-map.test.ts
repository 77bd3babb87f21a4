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

  it("counts the bytes of keys and values", () => {
    const of = (value: string, key: string) => key.length + value.length;
    const map = new BoundedMap<string, string>({ limit: 3, bytes: { limit: 13, of } });
    map.set("a", "1234");
    map.set("b", "1234");
    map.set("a", "12");
    expect([map.bytes, map.size]).toEqual([8, 2]);
    map.set("c", "123456789");
    expect([map.has("b"), map.bytes, [...map.values()]]).toEqual([false, 13, ["12", "123456789"]]);
    expect(map.delete("c")).toBe(true);
    expect(map.delete("c")).toBe(false);
    expect(map.bytes).toBe(3);
  });

  it("bounds what its entries cost when they were put in, whatever became of them since", () => {
    const map = new BoundedMap<string, { text: string }>({
      bytes: { limit: 10, of: ({ text }) => text.length },
    });
    const value = { text: "12345" };
    map.set("a", value);
    value.text = "";
    map.delete("a");
    expect(map.bytes).toBe(0);
  });

  it("does not keep what is too large alone, and forgets what it would have taken the place of", () => {
    const map = new BoundedMap<string, string>({ bytes: { limit: 3, of: ({ length }) => length } });
    map.set("a", "12");
    map.set("a", "1234");
    expect([map.size, map.bytes]).toEqual([0, 0]);
  });

  it("has what was put in again as used now, with its new value and bytes", () => {
    const map = new BoundedMap<string, string>({
      bytes: { limit: 6, of: ({ length }) => length },
    });
    map.set("a", "1");
    map.set("b", "12");
    map.set("a", "123");
    expect([map.bytes, map.oldest]).toEqual([5, ["b", "12"]]);
    map.set("c", "12");
    expect([...map.entries()]).toEqual([
      ["a", "123"],
      ["c", "12"],
    ]);
  });

  it("is walked while entries come and go", () => {
    const map = new BoundedMap<string, number>({ limit: 3 });
    for (const [index, key] of ["a", "b", "c"].entries()) map.set(key, index);
    const seen: string[] = [];
    for (const [key] of map.entries()) {
      seen.push(key);
      map.delete("b");
    }
    expect(seen).toEqual(["a", "c"]);
  });
});
