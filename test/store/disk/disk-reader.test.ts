import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { nodeFileSystem } from "../../../src/store/disk/file-system.ts";
import { DiskReader, HeldFile } from "../../../src/store/disk/held-file.ts";
import { readAll } from "../../contracts/blob-store.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

describe("a disk reader", () => {
  it("reads into the caller's own buffer and closes", async () => {
    const path = join(await temporaryFolder(), "blob");
    await writeFile(path, "0123456789");
    const file = await nodeFileSystem.open(path, "r");
    const facts = await nodeFileSystem.lstat(path);
    const reader = new DiskReader(new HeldFile(file, path), facts);
    expect(reader.place.identity).toBe(`${facts.dev}:${facts.ino}`);
    expect(reader.size).toBe(10);
    const whole = Buffer.alloc(8);
    expect(await reader.read(whole.subarray(2, 5), 6)).toBe(3);
    expect(whole.toString("latin1")).toBe("\0\x00678\0\0\0");
    expect((await readAll(reader)).toString()).toBe("0123456789");
    await expect(reader.read(whole, 0)).rejects.toMatchObject({ code: "IO" });
  });
});
