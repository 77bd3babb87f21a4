import { spawnSync } from "node:child_process";
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

  it.skipIf(!hasStrace())("sync the log at every write, before it counts as done", async () => {
    const path = join(await temporaryFolder(), "hosted.sqlite");
    const module = join(import.meta.dirname, "../../../src/store/sqlite/pushed-database.ts");
    const script = `import { PushedDatabase } from ${JSON.stringify(module)};
      const database = new PushedDatabase(${JSON.stringify(path)});
      console.log("opened");
      for (const key of ["a", "b", "c"]) {
        database.write([{ key, value: 1 }]);
        console.log("written");
      }`;
    const node = ["--no-warnings", "--input-type=module", "--eval", script];
    const calls = ["-f", "-y", "-e", "trace=fsync,fdatasync,write", process.execPath];
    const { stderr } = spawnSync("strace", [...calls, ...node], { encoding: "utf8" });
    const [, ...between] = stderr.split(/write\(1<.*(?:opened|written)/);
    const syncs = between
      .slice(0, 3)
      .map((part) => /f(?:data)?sync\(.*hosted\.sqlite-wal/.test(part));
    expect(syncs, stderr).toEqual([true, true, true]);
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

function hasStrace(): boolean {
  return spawnSync("strace", ["-e", "trace=none", "true"]).status === 0;
}

function setFormat(path: string, format: number): void {
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA user_version = ${format}`);
  database.close();
}
