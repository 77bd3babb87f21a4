import { unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PartialDownloads } from "../../../src/store/disk/partial-downloads.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { failingFileSystem } from "./fail-nth-call.ts";
import { filesIn } from "./opened-store.ts";

async function setUp(most?: number) {
  const folder = await temporaryFolder();
  const fs = failingFileSystem();
  const clock = { now: Date.now() };
  const open = () =>
    new PartialDownloads({ fs, folder, now: () => clock.now, ...(most !== undefined && { most }) });
  const leftovers = open();
  const path = join(folder, "some.draft");
  const leave = async (label: string, text: string): Promise<void> => {
    await writeFile(path, text);
    await leftovers.add(label, path, [{ start: 0, end: text.length }]);
  };
  /** Each has a map beside it. */
  const files = async () => (await filesIn(folder)).filter((file) => !file.endsWith(".map"));
  return { folder, fs, clock, open, leftovers, path, leave, files };
}

const upTo = (end: number) => [{ start: 0, end }];

describe("leftovers", () => {
  it("are given away once, to who knows the label", async () => {
    const { leftovers, path, leave, folder } = await setUp();
    await leave("a", "0123");
    expect(await leftovers.take("b", path)).toBeUndefined();
    expect(await leftovers.take("a", path)).toEqual({ path, stretches: upTo(4) });
    expect(await leftovers.take("a", path)).toBeUndefined();
    expect(await filesIn(folder)).toEqual([path]);
  });

  it("of a label are one: the last", async () => {
    const { leftovers, path, leave, files } = await setUp();
    await leave("a", "0123");
    await leave("a", "012345");
    expect([leftovers.bytes, (await files()).length]).toEqual([6, 1]);
    expect(await leftovers.take("a", path)).toMatchObject({ stretches: upTo(6) });
  });

  it("keep to so many bytes, the oldest go first", async () => {
    const { leftovers, path, leave, folder, files } = await setUp(10);
    for (const label of ["a", "b", "c"]) await leave(label, "0123");
    expect([leftovers.bytes, (await files()).length]).toEqual([8, 2]);
    expect(await leftovers.take("a", path)).toBeUndefined();
    await leave("huge", "0123456789 and more");
    expect([leftovers.bytes, await filesIn(folder)]).toEqual([0, []]);
  });

  it("are of no use after a day", async () => {
    const { leftovers, path, leave, clock, files } = await setUp();
    await leave("a", "0123");
    clock.now += 24 * 3_600_000 + 1;
    expect(await leftovers.take("a", path)).toBeUndefined();
    await leave("b", "45");
    expect([leftovers.bytes, (await files()).length]).toEqual([2, 1]);
  });

  it("are found again by the next process, with their age", async () => {
    const { leave, open, path, clock } = await setUp();
    await leave("a", "0123");
    await writeFile(`${path}.left`, "no leftover");
    const next = open();
    await next.load();
    expect(next.bytes).toBe(4);
    expect(await next.take("a", path)).toMatchObject({ stretches: upTo(4) });
    await leave("a", "0123");
    clock.now += 25 * 3_600_000;
    const late = open();
    await late.load();
    expect(late.bytes).toBe(0);
  });

  it("of which the map is gone, or another's, are of no use", async () => {
    const { leave, open, files, folder } = await setUp();
    await leave("a", "0123");
    const [left = ""] = await files();
    await writeFile(left, "012345");
    const next = open();
    await next.load();
    expect([next.bytes, await filesIn(folder)]).toEqual([0, []]);
    await leave("a", "0123");
    await unlink(`${left}.map`);
    const other = open();
    await other.load();
    expect([other.bytes, await filesIn(folder)]).toEqual([0, []]);
  });

  it("that do not reach the platter in time, or at all, are deleted", async () => {
    const { leftovers, leave, fs, folder } = await setUp();
    await leave("a", "0123");
    await leftovers.settle();
    expect(leftovers.bytes).toBe(4);
    fs.failNext("fsync");
    await leftovers.settle();
    expect([leftovers.bytes, await filesIn(folder)]).toEqual([0, []]);
    await leave("b", "4567");
    await leftovers.settle(AbortSignal.abort());
    expect([leftovers.bytes, await filesIn(folder)]).toEqual([0, []]);
  });

  it("that could not be renamed are still known, so that they go some day", async () => {
    const { leftovers, leave, fs, folder, path } = await setUp();
    await leave("a", "0123");
    fs.failNext("rename");
    await expect(leftovers.take("a", path)).rejects.toThrow();
    expect(leftovers.bytes).toBe(4);
    expect(await leftovers.clear()).toBe(4);
    expect(await filesIn(folder)).toEqual([]);
  });

  it("are none where the volume does not answer", async () => {
    const { leftovers, leave, fs, open, path } = await setUp();
    await leave("a", "0123");
    fs.failNext("readdir");
    const next = open();
    await next.load();
    expect(next.bytes).toBe(0);
    fs.failNext("rename");
    await expect(leftovers.take("a", path)).rejects.toThrow();
  });
});
