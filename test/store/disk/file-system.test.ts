import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  closeQuietly,
  makeFolder,
  nodeFileSystem,
  storeFailure,
  syncPath,
  systemCode,
} from "../../../src/store/disk/file-system.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { failingFileSystem } from "./fail-nth-call.ts";

const failed = (code: unknown) => Object.assign(new Error("failed"), { code });

describe("a failed call", () => {
  it.each([
    ["ENOSPC", "FULL"],
    ["EDQUOT", "FULL"],
    ["EIO", "IO"],
    ["EROFS", "IO"],
    ["EMFILE", "IO"],
  ])("%s means %s", (code, expected) => {
    const cause = failed(code);
    const error = storeFailure(cause, "write a");
    expect(error).toMatchObject({ code: expected, cause });
    expect(error.message).toMatch(/^cannot write a: /);
  });

  it("stays the StoreError it is already", () => {
    const error = new StoreError("FULL", "full");
    expect(storeFailure(error, "write")).toBe(error);
  });

  it.each([
    [failed("ENOENT"), "ENOENT"],
    [failed(5), undefined],
    [new Error("x"), undefined],
    ["x", undefined],
  ])("has a code only when the system gave one (%#)", (error, code) => {
    expect(systemCode(error)).toBe(code);
  });
});

describe("the file system", () => {
  it("makes a folder once, and says which time it was", async () => {
    const path = join(await temporaryFolder(), "new");
    expect(await makeFolder(nodeFileSystem, path)).toBe(true);
    expect(await makeFolder(nodeFileSystem, path)).toBe(false);
    await expect(makeFolder(nodeFileSystem, join(path, "a/b"))).rejects.toMatchObject({
      code: "ENOENT",
    });
  });

  it("syncs a folder and closes it, also when the sync fails", async () => {
    const path = await temporaryFolder();
    const fs = failingFileSystem();
    await syncPath(fs, path);
    fs.failNext("fsync");
    await expect(syncPath(fs, path)).rejects.toMatchObject({ code: "EIO" });
    expect(fs.openFiles()).toBe(0);
  });

  it("closes quietly when close fails", async () => {
    const fs = failingFileSystem();
    const file = await fs.open(await temporaryFolder(), "r");
    fs.failNext("close");
    await closeQuietly(file);
    expect(fs.openFiles()).toBe(0);
  });
});
