import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import type { ServedRecords } from "../../../src/store/served-records.ts";
import { keysOf, recordStoreContract } from "../../contracts/record-store.ts";
import { eventually } from "../../support/eventually.ts";
import { failureOf } from "./failure-of.ts";
import { type Backend, backends, postgresBackend, redisBackend } from "./servers.ts";

const broken = { name: "StoreError", code: "RECORDS" };

/** Each call fails within 300 ms. */
async function expectAway(records: ServedRecords): Promise<void> {
  const calls: Readonly<Record<string, () => Promise<unknown>>> = {
    get: () => records.get("tag/a"),
    set: () => records.set("tag/a", 2),
    "set with a time": () => records.set("tag/a", 2, 1_000),
    setMany: () => records.setMany([{ key: "tag/a", value: 2 }]),
    delete: () => records.delete("tag/a"),
    deleteMany: () => records.deleteMany(["tag/a"]),
    putIfAbsent: () => records.putIfAbsent("tag/b", 1),
    list: () => keysOf(records, ""),
    clear: () => records.clear(),
  };
  for (const [name, call] of Object.entries(calls)) {
    expect(await failureOf(call(), name), name).toMatchObject(broken);
  }
}

async function expectBack(records: ServedRecords, from: number): Promise<void> {
  await eventually(() => records.set("tag/back", 1), { withinMs: 4_000 });
  expect(performance.now() - from).toBeLessThan(2_000);
}

describe.each(backends)("records in %s", (name, make) => {
  let backend: Backend;

  beforeAll(async () => {
    backend = await make();
  });

  /** Nothing in it, whatever a test before did to the server. */
  async function emptied(): Promise<ServedRecords> {
    backend.server.process.signal("SIGCONT");
    const opened = await backend.records();
    if (opened.away !== undefined) {
      await backend.server.start();
      await eventually(() => opened.away === undefined);
    }
    // A server on a busy machine answers some asks too late.
    await eventually(() => opened.clear());
    backend.events.length = 0;
    return opened;
  }

  recordStoreContract(name, async () => ({
    store: await emptied(),
    wait: (milliseconds) => sleep(milliseconds),
    breakIt: () => backend.server.stop(),
  }));

  it("fail at once while the server is killed, and are right 2 s after its return", async () => {
    const records = await emptied();
    await records.set("tag/a", 1);
    await backend.server.process.kill();
    await expectAway(records);
    await backend.server.start();
    await expectBack(records, performance.now());
    expect(backend.events.map(({ kind }) => kind)).toEqual(["recordsLost", "recordsBack"]);
    expect(records.away).toBeUndefined();
  });

  it("fail within 300 ms while the server is stopped, and no late write comes after", async () => {
    const records = await emptied();
    await records.set("tag/a", "before");
    await backend.server.process.pause();
    // Sent, and never answered.
    const lost = records.set("tag/a", "late").catch((error: unknown) => error);
    await expectAway(records);
    expect(await lost).toMatchObject(broken);
    const from = performance.now();
    backend.server.process.signal("SIGCONT");
    await expectBack(records, from);
    await records.set("tag/a", "after");
    await records.set("tag/c", 1);
    expect(await records.get("tag/a")).toBe("after");
  });

  it("work on in a server that came back empty", async () => {
    const records = await emptied();
    await records.set("tag/a", 1);
    await backend.server.startEmpty();
    await eventually(() => records.set("tag/b", 2), { withinMs: 4_000 });
    expect(await records.get("tag/a")).toBeUndefined();
    expect(await keysOf(records, "")).toEqual(["tag/b"]);
  });

  it("work on after somebody threw everything away", async () => {
    const records = await emptied();
    await backend.empty();
    await eventually(() => records.set("tag/b", 2), { withinMs: 2_000 });
    expect(await keysOf(records, "")).toEqual(["tag/b"]);
  });

  it("take a value that is no JSON for none, and say so", async () => {
    const records = await emptied();
    await backend.spoil("tag/a");
    await records.set("tag/b", 1);
    expect(await records.get("tag/a")).toBeUndefined();
    expect(await keysOf(records, "tag/")).toEqual(["tag/b"]);
    expect(backend.events).toContainEqual({ kind: "recordUnreadable", key: "tag/a" });
    await records.set("tag/a", 2);
    expect(await records.get("tag/a")).toBe(2);
  });

  it("forget all, thousands too", async () => {
    const records = await emptied();
    const all = Array.from({ length: 2_500 }, (_, value) => ({ key: `usage/${value}`, value }));
    await records.setMany(all);
    await records.clear();
    expect(await keysOf(records, "")).toEqual([]);
  });

  it("are opened without a server in little more than a second, and are there once it is", async () => {
    await backend.server.stop();
    const from = performance.now();
    const records = await backend.records();
    expect(performance.now() - from).toBeLessThan(1_500);
    await expectAway(records);
    await backend.server.start();
    await expectBack(records, performance.now());
  });

  it("are opened in little more than a second beside a server that stands still", async () => {
    const before = await emptied();
    await before.set("tag/a", 1);
    await backend.server.process.pause();
    const from = performance.now();
    const records = await backend.records();
    expect(performance.now() - from).toBeLessThan(1_500);
    await expectAway(records);
    backend.server.process.signal("SIGCONT");
    await expectBack(records, performance.now());
    expect(await records.get("tag/a")).toBe(1);
  });
});

describe("records in Redis", () => {
  it("whose memory is full are written no more and read on", async () => {
    const backend = await redisBackend();
    const records = await backend.records();
    await records.set("tag/a", 1);
    await backend.asOperator((redis) => redis.config("SET", "maxmemory", "1mb"));
    const from = performance.now();
    await expect(records.set("tag/b", 1)).rejects.toMatchObject(broken);
    await expect(records.setMany([{ key: "tag/b", value: 1 }])).rejects.toMatchObject(broken);
    await expect(records.putIfAbsent("tag/b", 1, 1_000)).rejects.toMatchObject(broken);
    expect(performance.now() - from).toBeLessThan(900);
    expect(await records.get("tag/a")).toBe(1);
    expect(await keysOf(records, "")).toEqual(["tag/a"]);
    await records.delete("tag/a");
    expect(records.away).toBeUndefined();
    await backend.asOperator((redis) => redis.config("SET", "maxmemory", "0"));
    await records.set("tag/b", 1);
  });

  it("that are somebody's list are none", async () => {
    const backend = await redisBackend();
    const records = await backend.records();
    await backend.asOperator((redis) => redis.rpush("entrepot:tag/a", "x"));
    expect(await records.get("tag/a")).toBeUndefined();
    expect(backend.events).toContainEqual({ kind: "recordUnreadable", key: "tag/a" });
    await records.set("tag/a", 1);
    expect(await records.get("tag/a")).toBe(1);
  });

  it("are not trusted once it was restarted, unless it logs every write", async () => {
    const forgetful = await redisBackend();
    const records = await forgetful.records();
    await records.clear();
    const before = forgetful.distrusted();
    await forgetful.server.stop();
    await forgetful.server.start();
    await eventually(() => records.set("tag/a", 1));
    expect(forgetful.distrusted()).toBe(before + 1);

    // One that is killed while it flushes may not have logged the last second yet, unless it always does at once.
    const logging = await redisBackend(["--appendonly", "yes", "--appendfsync", "always"]);
    const others = await logging.records();
    await others.set("tag/a", 1);
    await logging.server.stop();
    await logging.server.start();
    await eventually(() => others.get("tag/a"));
    expect(await others.get("tag/a")).toBe(1);
    expect(logging.distrusted()).toBe(0);
  });
});

describe("records in PostgreSQL", () => {
  it("whose table is not ours fail, each of them", async () => {
    const backend = await postgresBackend();
    await backend.asOperator((client) => client.query("CREATE TABLE entrepot_records (id int)"));
    const records = await backend.records();
    await expectAway(records);
    await backend.asOperator((client) => client.query("DROP TABLE entrepot_records"));
    await expectBack(records, performance.now());
  });
});
