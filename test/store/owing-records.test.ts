import { describe, expect, it, onTestFinished } from "vitest";
import { type DebtMark, OwingRecords } from "../../src/store/owing-records.ts";
import type { Json, RecordStore } from "../../src/store/record-store.ts";
import type { ServedRecords } from "../../src/store/served-records.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { keysOf, recordStoreContract } from "../contracts/record-store.ts";
import { eventually } from "../support/eventually.ts";
import { MemoryRecordStore } from "../support/memory-record-store.ts";
import { SteppedClock } from "../support/stepped-clock.ts";

/** A server that the test takes away and gives back. */
class Server implements ServedRecords {
  kept: RecordStore = new MemoryRecordStore();
  isAway = false;
  /** Fails what writes only. */
  isFull = false;
  cleared = 0;

  get away(): StoreError | undefined {
    return this.isAway ? new StoreError("RECORDS", "the records are away; gone") : undefined;
  }

  async get(key: string) {
    return this.#there().get(key);
  }

  async set(key: string, value: Json, ttl?: number) {
    await this.#taking().set(key, value, ttl);
  }

  async delete(key: string) {
    await this.#there().delete(key);
  }

  async setMany(records: Parameters<RecordStore["setMany"]>[0]) {
    await this.#taking().setMany(records);
  }

  async deleteMany(keys: readonly string[]) {
    await this.#there().deleteMany(keys);
  }

  async *list(prefix: string) {
    yield* this.#there().list(prefix);
  }

  async putIfAbsent(key: string, value: Json, ttl?: number) {
    return this.#taking().putIfAbsent(key, value, ttl);
  }

  async clear() {
    this.#there();
    this.cleared += 1;
    this.kept = new MemoryRecordStore();
  }

  async close() {
    this.isAway = true;
  }

  #there(): RecordStore {
    const { away } = this;
    if (away !== undefined) throw away;
    return this.kept;
  }

  #taking(): RecordStore {
    if (this.isFull) throw new StoreError("RECORDS", "no room");
    return this.#there();
  }
}

function markKept(isSet = false): DebtMark & { readonly now: () => boolean } {
  let isThere = isSet;
  return {
    now: () => isThere,
    isSet: async () => isThere,
    set: async () => {
      isThere = true;
    },
    clear: async () => {
      isThere = false;
    },
  };
}

type Given = { readonly isMarked?: boolean; readonly mostOwed?: number; readonly server?: Server };

async function owing({ isMarked = false, mostOwed, server = new Server() }: Given = {}) {
  const clock = new SteppedClock();
  const mark = markKept(isMarked);
  let distrust = (): void => undefined;
  const records = await OwingRecords.open({
    ...{ clock, mark, ...(mostOwed === undefined ? {} : { mostOwed }) },
    isHarmless: (key) => key.startsWith("usage/"),
    onMarkFailure: (error) => expect.fail(String(error)),
    open: async (toDistrust) => {
      distrust = toDistrust;
      return server;
    },
  });
  onTestFinished(async () => {
    const closing = records.close();
    clock.pass(2_000);
    await closing;
  });
  const paid = (): Promise<unknown> =>
    eventually(() => {
      clock.pass(500);
      return !mark.now() && records.degraded.length === 0;
    });
  return { records, server, clock, mark, paid, distrust: () => distrust() };
}

recordStoreContract("records that may be owed", async () => {
  const server = new Server();
  let time = 0;
  server.kept = new MemoryRecordStore(() => time);
  const { records } = await owing({ server });
  return {
    store: records,
    wait: async (milliseconds) => {
      time += milliseconds;
    },
  };
});

describe("records that are owed to a server", () => {
  it("are read as they were written last, and are there once it is back", async () => {
    const { records, server, paid, mark } = await owing();
    await records.set("visibility/a", "public");
    await eventually(async () => (await server.kept.get("visibility/a")) === "public");
    server.isAway = true;
    await records.set("visibility/a", "nobody's");
    await records.delete("tag/b");
    expect(await records.get("visibility/a")).toBe("nobody's");
    expect(await records.get("tag/b")).toBeUndefined();
    await eventually(() => mark.now());
    expect(records.degraded).toEqual([expect.stringContaining("pulls go on without")]);
    server.isAway = false;
    await paid();
    expect(await server.kept.get("visibility/a")).toBe("nobody's");
  });

  it("are listed as they are, not as the server has them", async () => {
    const { records, server } = await owing();
    await server.kept.set("tag/a", "old");
    await server.kept.set("tag/b", "there");
    await server.kept.set("tag/c", "gone");
    server.isFull = true;
    await records.set("tag/a", "new");
    await records.delete("tag/c");
    expect(await keysOf(records, "tag/")).toEqual(["tag/a", "tag/b"]);
    expect(await records.get("tag/a")).toBe("new");
  });

  it("fail to be read while it is away, where nothing is owed", async () => {
    const { records, server } = await owing();
    server.isAway = true;
    await expect(records.get("tag/a")).rejects.toMatchObject({ code: "RECORDS" });
    await expect(keysOf(records, "tag/")).rejects.toMatchObject({ code: "RECORDS" });
    await expect(records.putIfAbsent("tag/a", 1)).rejects.toMatchObject({ code: "RECORDS" });
  });

  it("that do no harm are written straight, or not at all", async () => {
    const { records, server, mark } = await owing();
    await records.setMany([{ key: "usage/a", value: 1 }]);
    expect(await server.kept.get("usage/a")).toBe(1);
    server.isAway = true;
    const writing = records.setMany([{ key: "usage/b", value: 1 }]);
    await expect(writing).rejects.toMatchObject({ code: "RECORDS" });
    await expect(records.deleteMany(["usage/a"])).rejects.toMatchObject({ code: "RECORDS" });
    expect(mark.now()).toBe(false);
  });

  it("when too many are forgotten, and so is all that the server has, before anything is read", async () => {
    const { records, server, paid } = await owing({ mostOwed: 1_000 });
    await server.kept.set("visibility/a", "public");
    server.isAway = true;
    await records.set("visibility/a", "nobody's");
    for (let count = 0; count < 10; count += 1) await records.set(`tag/${count}`, "x".repeat(100));
    server.isAway = false;
    expect(await records.get("visibility/a")).toBeUndefined();
    expect(await keysOf(records, "visibility/")).toEqual([]);
    await paid();
    expect(server.cleared).toBe(1);
    expect(await records.get("visibility/a")).toBeUndefined();
    await records.set("visibility/a", "public");
    expect(await records.get("visibility/a")).toBe("public");
  });

  it("by a process that died are why the next one trusts none of them", async () => {
    const server = new Server();
    await server.kept.set("visibility/a", "public");
    server.isAway = true;
    const { records, mark, paid } = await owing({ server, isMarked: true });
    expect(await records.get("visibility/a")).toBeUndefined();
    server.isAway = false;
    expect(await records.get("visibility/a")).toBeUndefined();
    await paid();
    expect(mark.now()).toBe(false);
    expect(await records.get("visibility/a")).toBeUndefined();
  });

  it("are written again to a server that may have forgotten, and nothing else of it is believed", async () => {
    const { records, server, paid, distrust } = await owing();
    await server.kept.set("visibility/a", "public");
    server.isAway = true;
    await records.set("tag/b", "new");
    distrust();
    server.isAway = false;
    expect(await records.get("visibility/a")).toBeUndefined();
    await paid();
    expect(await keysOf(records, "")).toEqual(["tag/b"]);
  });

  it("at a stop are paid, or leave the mark", async () => {
    const good = await owing();
    good.server.isFull = true;
    await good.records.set("tag/a", 1);
    await eventually(() => good.mark.now());
    good.server.isFull = false;
    const closing = good.records.close();
    await eventually(async () => (await good.server.kept.get("tag/a")) === 1);
    good.clock.pass(2_000);
    await closing;
    expect(good.mark.now()).toBe(false);

    const bad = await owing();
    bad.server.isAway = true;
    await bad.records.set("tag/a", 1);
    const ending = bad.records.close();
    bad.clock.pass(2_000);
    await ending;
    expect(bad.mark.now()).toBe(true);
  });
});
