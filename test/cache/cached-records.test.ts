import { describe, expect, it } from "vitest";
import type { CacheEvent } from "../../src/cache/cache-event.ts";
import { CachedRecords } from "../../src/cache/cached-records.ts";
import type { Json } from "../../src/store/record-store.ts";
import { MemoryRecordStore } from "../support/memory-record-store.ts";

function facts(records = new MemoryRecordStore(), limit = 100) {
  const events: CacheEvent[] = [];
  const read = (value: Json) => (typeof value === "number" ? value : undefined);
  const observe = (event: CacheEvent): void => void events.push(event);
  const all = new CachedRecords<number>({
    records,
    prefix: "n/",
    read,
    print: (fact) => fact,
    limit,
    observe,
  });
  return { records, events, facts: all };
}

it("records that another process has changed are read anew once that is told", async () => {
  const { records, facts: all } = facts();
  all.set("a", 1);
  await all.flush();
  await records.set("n/a", 2);
  expect(await all.get("a")).toBe(1);
  all.forget("a");
  expect(await all.get("a")).toBe(2);
});

it("names of kilobytes push each other out of memory by their bytes, and stay in the records", async () => {
  const records = new MemoryRecordStore();
  const all = new CachedRecords<string>({
    ...{ records, prefix: "s/", limit: 100_000, bytes: 1024 * 1024, observe: () => undefined },
    read: (value) => (typeof value === "string" ? value : undefined),
    print: (text) => text,
  });
  for (let count = 0; count < 1_000; count += 1) all.set(`${count}`, "x".repeat(14_000));
  await all.flush();
  const known = Array.from({ length: 1_000 }, (_, count) => all.peek(`${count}`).isKnown);
  expect(known.filter((isKnown) => isKnown).length).toBeLessThan(80);
  expect(await all.get("0")).toHaveLength(14_000);
});

describe("facts", () => {
  it("are known at once and in the records soon", async () => {
    const { records, facts: all } = facts();
    all.set("a", 1);
    expect(all.peek("a")).toEqual({ isKnown: true, fact: 1 });
    all.set("a", 2);
    all.set("b", 3);
    all.delete("b");
    await all.flush();
    expect([await records.get("n/a"), await records.get("n/b")]).toEqual([2, undefined]);
    expect(await facts(records).facts.get("a")).toBe(2);
  });

  it("are read from the records once, even that there is none", async () => {
    const { records, facts: all } = facts();
    await records.set("n/a", 7);
    let reads = 0;
    const get = records.get.bind(records);
    records.get = (key) => {
      reads += 1;
      return get(key);
    };
    expect(await Promise.all([all.get("a"), all.get("a"), all.get("b")])).toEqual([
      7,
      7,
      undefined,
    ]);
    expect([await all.get("a"), await all.get("b"), reads]).toEqual([7, undefined, 2]);
  });

  it("are unknown when the records fail, and asked for again", async () => {
    const { records, events, facts: all } = facts();
    const { get, set } = records;
    records.get = () => Promise.reject(new Error("no table"));
    records.set = () => Promise.reject(new Error("no table"));
    expect(await all.get("a")).toBeUndefined();
    expect(all.peek("a").isKnown).toBe(false);
    all.set("b", 2);
    await all.flush();
    expect(events.map(({ kind }) => kind)).toEqual(["recordsFailed", "recordsFailed"]);
    expect(await all.get("b")).toBe(2);
    Object.assign(records, { get, set });
    await records.set("n/a", 1);
    expect(await all.get("a")).toBe(1);
  });

  it("are not lost by concurrent changes, nor by a memory that is full", async () => {
    const { records, facts: all } = facts(new MemoryRecordStore(), 1);
    const add = (): Promise<void> => all.update("a", (before) => (before ?? 0) + 1);
    await Promise.all([add(), add(), add()]);
    for (const key of ["b", "c", "d"]) all.set(key, 1);
    expect(all.peek("b").fact).toBe(1);
    await all.flush();
    expect(await records.get("n/a")).toBe(3);
    expect(await all.get("b")).toBe(1);
  });
});
