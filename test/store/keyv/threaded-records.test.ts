import { execFile } from "node:child_process";
import { rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { describe, expect, it, onTestFinished } from "vitest";
import { ThreadedRecords } from "../../../src/store/keyv/threaded-records.ts";
import type { StoreEvent } from "../../../src/store/store-event.ts";
import { keysOf, recordStoreContract } from "../../contracts/record-store.ts";
import { eventually } from "../../support/eventually.ts";
import { longestTurn, staysBelow } from "../../support/longest-turn.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

async function openRecords(path: string) {
  const store = await ThreadedRecords.open(path);
  onTestFinished(() => store.close());
  return store;
}

function execute(path: string, sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

recordStoreContract("sqlite in a thread", async () => {
  const path = join(await temporaryFolder(), "records.sqlite");
  return {
    store: await openRecords(path),
    wait: (milliseconds) => sleep(milliseconds),
    breakIt: async () => execute(path, "DROP TABLE records"),
  };
});

describe("records in a thread", () => {
  it("are there again after a restart", async () => {
    const path = join(await temporaryFolder(), "records.sqlite");
    const first = await ThreadedRecords.open(path);
    const all = first.setMany([{ key: "tag/a", value: { digest: "sha256:1" } }]);
    await Promise.all([all, first.close(), first.close()]);
    const second = await openRecords(path);
    expect(await second.get("tag/a")).toEqual({ digest: "sha256:1" });
  });

  it("keep the order in which they were written, nobody waiting in between", async () => {
    const store = await openRecords(join(await temporaryFolder(), "records.sqlite"));
    const writes = Array.from({ length: 600 }, (_, value) => store.set("tag/a", value));
    expect(await store.get("tag/a")).toBe(599);
    await Promise.all(writes);
  });

  it("refuse a file that is no database, with a sentence for the operator", async () => {
    await expect(ThreadedRecords.open("/proc/version")).rejects.toMatchObject({
      name: "StoreError",
      code: "RECORDS",
      message: expect.stringContaining("remove it"),
      cause: expect.objectContaining({ message: expect.stringMatching(/./) }),
    });
  });

  it("throw once they are closed, also what was asked before and not answered", async () => {
    const store = await openRecords(join(await temporaryFolder(), "records.sqlite"));
    await store.set("tag/a", 1);
    const list = store.list("")[Symbol.asyncIterator]();
    await list.next();
    await store.close();
    await expect(store.get("tag/a")).rejects.toMatchObject({ code: "RECORDS" });
    await expect(keysOf(store, "")).rejects.toMatchObject({ code: "RECORDS" });
  });

  it("of fifty thousand hold nobody up, written or listed", async () => {
    const store = await openRecords(join(await temporaryFolder(), "records.sqlite"));
    const records = Array.from({ length: 50_000 }, (_, value) => ({
      ...{ key: `usage/${value}`, value },
    }));
    const write = () =>
      longestTurn(async () => {
        for (let start = 0; start < records.length; start += 1_000)
          await store.setMany(records.slice(start, start + 1_000));
      });
    const list = () =>
      longestTurn(async () => {
        expect(await keysOf(store, "usage/4")).toHaveLength(11_111);
      });
    expect([await staysBelow(20, write), await staysBelow(20, list)]).toEqual([true, true]);
  });

  it("are listed no further than somebody reads", async () => {
    const store = await openRecords(join(await temporaryFolder(), "records.sqlite"));
    const records = Array.from({ length: 3_000 }, (_, value) => ({ key: `usage/${value}`, value }));
    await store.setMany(records);
    let seen = 0;
    for await (const { value } of store.list("usage/")) {
      seen += typeof value === "number" ? 1 : 0;
      if (seen === 1_500) break;
    }
    expect(seen).toBe(1_500);
    expect(await store.get("usage/1")).toBe(1);
  });

  it("hold no process that has nothing else to do, and let none go that waits for an answer", async () => {
    const path = join(await temporaryFolder(), "records.sqlite");
    const threaded = join(import.meta.dirname, "../../../src/store/keyv/threaded-records.ts");
    const script = `
      import { ThreadedRecords } from ${JSON.stringify(threaded)};
      const records = await ThreadedRecords.open(${JSON.stringify(path)});
      await records.set("a", 1);
      console.log(await records.get("a"));`;
    const done = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
    expect(done.stdout).toBe("1\n");
  });
});

const main = join(import.meta.dirname, "../../../src/store/keyv/record-thread.ts");

/** Records whose threads and pauses the test holds in its hands. */
async function openMortal() {
  const path = join(await temporaryFolder(), "records.sqlite");
  const threads: Worker[] = [];
  const events: StoreEvent[] = [];
  const pauses: { readonly milliseconds: number; readonly act: () => void }[] = [];
  let time = 0;
  const store = await ThreadedRecords.open(path, {
    observe: (event) => events.push(event),
    startThread: (file) => {
      // Of a thread that has ended, the number is -1: there are never two.
      expect(threads.map((each) => each.threadId)).toEqual(threads.map(() => -1));
      const thread = new Worker(main, { workerData: file, env: {}, execArgv: [] });
      threads.push(thread);
      return thread;
    },
    clock: {
      steady: () => time,
      after: (milliseconds, act) => {
        const planned = { milliseconds, act };
        pauses.push(planned);
        return () => void pauses.splice(pauses.indexOf(planned), 1);
      },
    },
  });
  onTestFinished(() => store.close());
  const die = async () => {
    const before = pauses.length;
    await threads.at(-1)?.terminate();
    await eventually(() => pauses.length > before);
  };
  const passPause = () => {
    const next = pauses.at(-1);
    time += next?.milliseconds ?? 0;
    next?.act();
  };
  const comeBack = async () => {
    passPause();
    await eventually(() => store.degraded.length === 0);
  };
  const live = (milliseconds: number) => {
    time += milliseconds;
  };
  return { path, store, threads, events, pauses, die, passPause, comeBack, live };
}

describe("records whose thread dies", () => {
  it("reject what is under way, are away for a second, and are back with all that was written", async () => {
    const { store, threads, events, comeBack } = await openMortal();
    await store.set("tag/a", 1);
    const list = store.list("")[Symbol.asyncIterator]();
    await list.next();
    // It answers nothing from here on, and is not known to be dead yet.
    void threads[0]?.terminate();
    const pending = [store.set("tag/b", 2), store.get("tag/a"), store.putIfAbsent("tag/c", 3)];
    const lost = { status: "rejected", reason: { name: "StoreError", code: "RECORDS" } };
    expect(await Promise.allSettled(pending)).toMatchObject([lost, lost, lost]);
    await eventually(() => store.degraded.length > 0);
    expect(store.degraded).toEqual([expect.stringMatching(/^the records are away; their thread/)]);
    await expect(store.get("tag/a")).rejects.toMatchObject({ code: "RECORDS" });
    await comeBack();
    expect(await store.get("tag/a")).toBe(1);
    await store.set("tag/b", 2);
    expect(await keysOf(store, "")).toEqual(expect.arrayContaining(["tag/a", "tag/b"]));
    expect(events).toMatchObject([
      { kind: "recordsLost", error: { code: "RECORDS" }, retryIn: 1_000 },
      { kind: "recordsBack", milliseconds: 1_000 },
    ]);
  });

  it("fail a list that was half read, instead of beginning it anew", async () => {
    const { store, die, comeBack } = await openMortal();
    const records = Array.from({ length: 1_500 }, (_, value) => ({ key: `usage/${value}`, value }));
    await store.setMany(records);
    const keys: string[] = [];
    const reading = (async () => {
      for await (const { key } of store.list("usage/")) {
        keys.push(key);
        if (keys.length !== 1_000) continue;
        await die();
        await comeBack();
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: "RECORDS" });
    expect(keys).toHaveLength(1_000);
    expect(await keysOf(store, "usage/")).toHaveLength(1_500);
  });

  it("again and again are tried after longer and longer, up to 30 s; after one that lasts, after 1 s", async () => {
    const { store, pauses, die, comeBack, live } = await openMortal();
    for (let time = 1; time <= 7; time += 1) {
      await die();
      await comeBack();
    }
    const seconds = () => pauses.map(({ milliseconds }) => milliseconds / 1_000);
    expect(seconds()).toEqual([1, 2, 4, 8, 16, 30, 30]);
    live(30_000);
    await die();
    expect(seconds().at(-1)).toBe(1);
    await comeBack();
    expect(await store.get("tag/a")).toBeUndefined();
  });

  it("because the file is broken stay away until it is removed, and touch it no more", async () => {
    const { path, store, pauses, events, passPause, comeBack } = await openMortal();
    const records = Array.from({ length: 3_000 }, (_, value) => ({ key: `usage/${value}`, value }));
    await store.setMany(records);
    execute(path, "PRAGMA wal_checkpoint(TRUNCATE)");
    await writeFile(path, Buffer.alloc((await stat(path)).size, "broken "));
    await expect(keysOf(store, "")).rejects.toMatchObject({ code: "RECORDS" });
    await eventually(() => pauses.length === 1);
    expect(store.degraded).toEqual([
      expect.stringMatching(/\((?:database disk|file is not)[^:]*\);/),
    ]);
    passPause();
    await eventually(() => pauses.length === 2);
    expect(store.degraded).toEqual([expect.stringContaining(`${path}; if it is damaged, remove`)]);
    expect(events.map(({ kind }) => kind)).toEqual(["recordsLost", "recordsLost"]);
    for (const end of ["", "-wal", "-shm"]) await rm(`${path}${end}`, { force: true });
    await comeBack();
    await store.set("tag/a", 1);
    expect(await keysOf(store, "")).toEqual(["tag/a"]);
  });

  it("can be closed while they are away, and stay away", async () => {
    const { store, threads, pauses, die } = await openMortal();
    await die();
    await store.close();
    expect([pauses.length, threads.length]).toEqual([0, 1]);
    await expect(store.get("tag/a")).rejects.toMatchObject({ code: "RECORDS" });
  });

  it("can be closed while they come back, and leave no thread", async () => {
    const { store, threads, events, die, passPause } = await openMortal();
    await die();
    passPause();
    await Promise.all([store.close(), store.close()]);
    expect(threads.map((each) => each.threadId)).toEqual([-1, -1]);
    expect(events.filter(({ kind }) => kind === "recordsLost")).toHaveLength(1);
  });
});
