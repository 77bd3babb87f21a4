/** What every record store promises; each adapter's test runs this suite on itself. */
import { describe, expect, it } from "vitest";
import type { Json, RecordStore } from "../../src/store/record-store.ts";
import { eventually } from "../support/eventually.ts";

export type RecordStoreUnderTest = {
  readonly store: RecordStore;
  /** Lets the next milliseconds pass, by a clock or for real. */
  readonly wait: (milliseconds: number) => Promise<void>;
  /** Breaks the backend underneath, where there is one. */
  readonly breakIt?: () => Promise<void>;
};

export function recordStoreContract(name: string, make: () => Promise<RecordStoreUnderTest>) {
  describe(`${name}, as any record store`, () => {
    it.each<[string, Json]>([
      ["an object", { size: 3, tags: ["a", "b"], nested: { deep: null } }],
      ["a list", [1, "two", false]],
      ["null", null],
      ["false", false],
      ["zero", 0],
      ["an empty text", ""],
      ["a text that looks encoded", ':base64:AAAA "\\'],
    ])("gives back %s as it was", async (_, value) => {
      const { store } = await make();
      await store.set("tag/x", value);
      expect(await store.get("tag/x")).toEqual(value);
    });

    it("has nothing under a key never written", async () => {
      const { store } = await make();
      expect(await store.get("tag/none")).toBeUndefined();
    });

    it("overwrites and forgets", async () => {
      const { store } = await make();
      await store.set("k", 1);
      await store.set("k", 2);
      expect(await store.get("k")).toBe(2);
      await store.delete("k");
      await store.delete("k");
      expect(await store.get("k")).toBeUndefined();
    });

    it("overwrites and forgets many at a time", async () => {
      const { store } = await make();
      await store.setMany([]);
      await store.deleteMany([]);
      await store.set("usage/7", "before");
      const keys = Array.from({ length: 1_000 }, (_, index) => `usage/${index}`);
      const long = `usage/${"x".repeat(996)}`;
      await store.setMany([...keys, long].map((key) => ({ key, value: { key } })));
      expect(await store.get("usage/7")).toEqual({ key: "usage/7" });
      expect(await store.get(long)).toEqual({ key: long });
      expect(await keysOf(store, "usage/")).toEqual([...keys, long].sort());
      await store.deleteMany([...keys.slice(1), long, "usage/none"]);
      expect(await keysOf(store, "usage/")).toEqual(["usage/0"]);
    });

    it("does not share a value with whoever wrote it", async () => {
      const { store } = await make();
      const value = { tags: ["a"] };
      await store.set("k", value);
      value.tags.push("b");
      expect(await store.get("k")).toEqual({ tags: ["a"] });
    });

    it("forgets a record after its time", async () => {
      const { store, wait } = await make();
      await store.set("short", 1, 20);
      await store.set("long", 1, 60_000);
      await wait(30);
      expect(await store.get("short")).toBeUndefined();
      expect(await store.get("long")).toBe(1);
      expect(await keysOf(store, "")).toEqual(["long"]);
    });

    it("forgets at once what lasts no time", async () => {
      const { store } = await make();
      await store.set("k", 1);
      await store.set("k", 2, 0);
      expect(await store.get("k")).toBeUndefined();
    });

    it("lists by prefix, and nothing that only looks like it", async () => {
      const { store } = await make();
      for (const key of ["tag/a", "tag/b", "tagged", "tab", "usage/a", "tag/é", "tag/%"]) {
        await store.set(key, key);
      }
      expect(await keysOf(store, "tag/")).toEqual(["tag/%", "tag/a", "tag/b", "tag/é"]);
      expect(await keysOf(store, "none/")).toEqual([]);
      expect(await keysOf(store, "")).toHaveLength(7);
    });

    it("keeps keys of a thousand characters apart, and lists them whole", async () => {
      const { store } = await make();
      const long = `tag/${"x".repeat(996)}`;
      await store.set(`${long}1`, 1);
      await store.set(`${long}2`, 2);
      expect(await store.get(`${long}1`)).toBe(1);
      expect(await store.putIfAbsent(`${long}2`, 3)).toBe(false);
      expect(await keysOf(store, "tag/x")).toEqual([`${long}1`, `${long}2`]);
      expect(await keysOf(store, `${long}2`)).toEqual([`${long}2`]);
      await store.delete(`${long}1`);
      expect(await keysOf(store, "tag/")).toEqual([`${long}2`]);
    });

    it("writes an absent record once, however many try", async () => {
      const { store } = await make();
      const tries = [1, 2, 3, 4, 5].map((value) => store.putIfAbsent("k", value));
      const won = (await Promise.all(tries)).filter(Boolean);
      expect(won).toHaveLength(1);
    });

    it("writes an absent record again once it has expired or was deleted", async () => {
      const { store, wait } = await make();
      expect(await store.putIfAbsent("lasting", 1, 60_000)).toBe(true);
      expect(await store.putIfAbsent("lasting", 2)).toBe(false);
      expect(await store.putIfAbsent("k", 1, 20)).toBe(true);
      await wait(30);
      expect(await store.putIfAbsent("k", 3)).toBe(true);
      expect(await store.get("k")).toBe(3);
      await store.delete("k");
      expect(await store.putIfAbsent("k", null)).toBe(true);
      expect(await store.putIfAbsent("k", 4)).toBe(false);
    });

    it("lets others run while it lists and writes thousands", async () => {
      const { store } = await make();
      let turns = 0;
      const ticking = setInterval(() => {
        turns += 1;
      }, 0);
      // Of thousands of asks a server on a busy machine answers some too late: those are asked again.
      for (let count = 0; count < 2_500; count += 1)
        await eventually(() => store.set(`usage/${count}`, count));
      turns = 0;
      expect(await eventually(() => keysOf(store, "usage/"))).toHaveLength(2_500);
      clearInterval(ticking);
      expect(turns).toBeGreaterThan(0);
    });

    it("throws from every method when the backend is broken, the list included", async () => {
      const { store, breakIt } = await make();
      if (breakIt === undefined) return;
      await store.set("tag/a", 1);
      await breakIt();
      const broken = { name: "StoreError", code: "RECORDS" };
      await expect(store.get("tag/a")).rejects.toMatchObject(broken);
      await expect(store.set("tag/a", 2)).rejects.toMatchObject(broken);
      await expect(store.set("tag/a", 2, 1_000)).rejects.toMatchObject(broken);
      await expect(store.setMany([{ key: "tag/a", value: 2 }])).rejects.toMatchObject(broken);
      await expect(store.deleteMany(["tag/a"])).rejects.toMatchObject(broken);
      await expect(store.delete("tag/a")).rejects.toMatchObject(broken);
      await expect(store.putIfAbsent("tag/b", 1)).rejects.toMatchObject(broken);
      await expect(keysOf(store, "tag/")).rejects.toMatchObject(broken);
    });
  });
}

/** Sorted, since a store lists in no particular order. */
export async function keysOf(store: RecordStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys.sort();
}
