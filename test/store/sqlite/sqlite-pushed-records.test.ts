import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, onTestFinished } from "vitest";
import { SqlitePushedRecords } from "../../../src/store/sqlite/sqlite-pushed-records.ts";
import { allOf, pushedRecordsContract } from "../../contracts/pushed-records.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

async function open(path?: string): Promise<SqlitePushedRecords> {
  const at = path ?? join(await temporaryFolder(), "hosted.sqlite");
  const records = await SqlitePushedRecords.open(at);
  onTestFinished(() => records.close());
  return records;
}

pushedRecordsContract("a SQLite file", () => open());

describe("pushed records in a SQLite file", () => {
  it("are there when the process was killed right after the write", async () => {
    const folder = await temporaryFolder();
    const records = await open(join(folder, "hosted.sqlite"));
    await records.write([{ key: "tag:a:1", value: { digest: "x" } }]);
    // What lies on the disk at this moment, with nothing closed.
    for (const name of ["hosted.sqlite", "hosted.sqlite-wal"]) {
      await copyFile(join(folder, name), join(folder, `killed-${name}`));
    }
    const found = await open(join(folder, "killed-hosted.sqlite"));
    expect(await allOf(found)).toEqual([{ key: "tag:a:1", value: { digest: "x" } }]);
  });

  it.each([
    ["no database", async (path: string) => writeFile(path, "x".repeat(4_096))],
    ["one of another format", async (path: string) => setFormat(path, 7)],
  ])("are not opened when the file is %s, and nothing says to remove it", async (_, spoil) => {
    const path = join(await temporaryFolder(), "hosted.sqlite");
    await (await open(path)).close();
    await spoil(path);
    const error: unknown = await SqlitePushedRecords.open(path).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: "RECORDS" });
    expect(String(error)).toContain("restore it from a backup");
    expect(String(error)).not.toMatch(/remov|delet/);
  });

  it("fail once they are closed", async () => {
    const records = await open();
    await records.close();
    await expect(records.write([{ key: "a", value: 1 }])).rejects.toMatchObject({
      code: "RECORDS",
    });
    await expect(allOf(records)).rejects.toMatchObject({ code: "RECORDS" });
  });
});

function setFormat(path: string, format: number): void {
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA user_version = ${format}`);
  database.close();
}
