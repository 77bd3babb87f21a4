import { execFile } from "node:child_process";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { ThreadedRecords } from "../../../src/store/keyv/threaded-records.ts";
import { keysOf, recordStoreContract } from "../../contracts/record-store.ts";
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
