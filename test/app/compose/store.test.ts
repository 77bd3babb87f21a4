import { rm, stat, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, onTestFinished } from "vitest";
import { composeStore } from "../../../src/app/compose/store.ts";
import { eventually } from "../../support/eventually.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { keptLog } from "./composing.ts";

describe("the store", () => {
  it("is one process's at a time, and the next one's after it is closed", async () => {
    const folder = await temporaryFolder();
    const { log } = keptLog();
    const store = await composeStore(folder, log);
    await expect(composeStore(folder, log)).rejects.toMatchObject({ code: "LOCKED" });
    await store.records.set("tag/x", 1);
    await store.close(AbortSignal.timeout(5_000));
    const again = await composeStore(folder, log);
    expect(await again.records.get("tag/x")).toBe(1);
    await again.close(AbortSignal.timeout(5_000));
  });

  it("is closed although the volume takes no marker of a clean stop", async () => {
    const folder = await temporaryFolder();
    const { log, lines } = keptLog();
    const store = await composeStore(folder, log);
    await symlink("/dev/full", join(folder, "clean.new"));
    await store.close(AbortSignal.timeout(5_000));
    expect(lines.join("\n")).toContain("no room left on the volume");
    await unlink(join(folder, "clean.new"));
    await (await composeStore(folder, log)).close(AbortSignal.timeout(5_000));
  });

  it("whose records break says so, keeps its folder to itself, and has them back once the file is gone", async () => {
    const folder = await temporaryFolder();
    const { log, lines } = keptLog();
    const store = await composeStore(folder, log);
    onTestFinished(() => store.close(AbortSignal.timeout(5_000)));
    await store.records.set("tag/x", 1);
    expect(store.degraded()).toEqual([]);
    const file = join(folder, "records.sqlite");
    const database = new DatabaseSync(file);
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    database.close();
    await writeFile(file, Buffer.alloc((await stat(file)).size, "broken "));
    await expect(store.records.get("tag/x")).rejects.toMatchObject({ code: "RECORDS" });
    await eventually(() => store.degraded().length > 0);
    await expect(composeStore(folder, log)).rejects.toMatchObject({ code: "LOCKED" });
    for (const end of ["", "-wal", "-shm"]) await rm(`${file}${end}`, { force: true });
    await eventually(() => store.degraded().length === 0);
    await store.records.set("tag/x", 2);
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(
      expect.arrayContaining(["the records are away", "the records are back"]),
    );
  });
});
