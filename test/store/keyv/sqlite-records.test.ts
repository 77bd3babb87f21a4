import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { openSqliteRecords } from "../../../src/store/keyv/sqlite-records.ts";
import { recordStoreContract } from "../../contracts/record-store.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

async function openRecords(path: string) {
  const store = await openSqliteRecords(path);
  onTestFinished(() => store.close());
  return store;
}

function execute(path: string, sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

recordStoreContract("sqlite", async () => {
  const path = join(await temporaryFolder(), "records.sqlite");
  return {
    store: await openRecords(path),
    wait: (milliseconds) => sleep(milliseconds),
    breakIt: async () => execute(path, "DROP TABLE records"),
  };
});

describe("sqlite records", () => {
  it("are there again after a restart", async () => {
    const path = join(await temporaryFolder(), "records.sqlite");
    const first = await openSqliteRecords(path);
    await first.set("tag/a", { digest: "sha256:1" });
    await first.close();
    const second = await openRecords(path);
    expect(await second.get("tag/a")).toEqual({ digest: "sha256:1" });
  });

  it("use a write-ahead log", async () => {
    const path = join(await temporaryFolder(), "records.sqlite");
    await openRecords(path);
    const database = new DatabaseSync(path);
    expect(database.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
    database.close();
  });

  it("lose what has expired when they are opened", async () => {
    const path = join(await temporaryFolder(), "records.sqlite");
    const first = await openSqliteRecords(path);
    await first.set("tag/a", 1, 60_000);
    await first.close();
    execute(path, "UPDATE records SET expires = 1");
    await openRecords(path);
    const database = new DatabaseSync(path);
    expect(database.prepare("SELECT count(*) AS rows FROM records").get()).toEqual({ rows: 0 });
    database.close();
  });

  it("refuse a file that is no database", async () => {
    await expect(openSqliteRecords("/proc/version")).rejects.toMatchObject({ code: "RECORDS" });
  });

  it("throw once they are closed", async () => {
    const store = await openRecords(join(await temporaryFolder(), "records.sqlite"));
    await store.close();
    await expect(store.get("tag/a")).rejects.toMatchObject({ code: "RECORDS" });
  });
});
