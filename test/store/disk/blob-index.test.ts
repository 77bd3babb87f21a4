import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { digestOf } from "../../../src/protocol/digest.ts";
import { BlobIndex } from "../../../src/store/disk/blob-index.ts";
import { openDataFolder } from "../../../src/store/disk/data-folder.ts";
import { HeldFile } from "../../../src/store/disk/held-file.ts";
import { Holds } from "../../../src/store/holds.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { failingFileSystem } from "./fail-nth-call.ts";
import { filesIn } from "./opened-store.ts";

const bytes = Buffer.from("on the shelf");
const digest = digestOf(bytes);

async function newShelf() {
  const folder = await openDataFolder(await temporaryFolder());
  onTestFinished(() => folder.close());
  const fs = failingFileSystem();
  const holds = new Holds();
  const shelf = new BlobIndex(folder, { fs, holds, observe: () => undefined });
  const place = async (isDurable = false) => {
    const path = join(folder.path, "partial", "x");
    const file = new HeldFile(await fs.open(path, "w+"), path);
    await file.write(bytes, 0);
    try {
      await shelf.place(digest, { path, size: bytes.length, file, isDurable });
    } finally {
      await file.close();
    }
  };
  return { path: folder.path, fs, holds, shelf, place };
}

describe("the shelf", () => {
  it("asks the disk nothing when it is set up", async () => {
    const { fs } = await newShelf();
    expect(fs.calls()).toBe(0);
  });

  it("keeps a name whose file could not be deleted", async () => {
    const { fs, shelf, place } = await newShelf();
    await place();
    await shelf.settle();
    fs.failNext("unlink");
    await expect(shelf.remove(digest)).rejects.toMatchObject({ code: "IO" });
    expect(await shelf.find(digest)).toMatchObject({ size: bytes.length });
    expect(await shelf.remove(digest)).toBe(true);
  });

  it("keeps the name of a file that a second look finds right", async () => {
    const { shelf, place } = await newShelf();
    await place();
    const blob = await shelf.find(digest);
    if (blob === undefined) throw new Error("not kept");
    await shelf.recheck(blob);
    expect(await shelf.find(digest)).toEqual(blob);
  });

  it("keeps a held blob whose folder could not be synced again", async () => {
    const { path, fs, holds, shelf, place } = await newShelf();
    await place();
    await shelf.settle();
    holds.hold(digest);
    fs.failNext("fsync", 2);
    await expect(place(true)).rejects.toMatchObject({ code: "IO" });
    expect(await filesIn(join(path, "blobs"))).toHaveLength(1);
    expect(await shelf.find(digest)).toBeDefined();
  });

  it("refuses to condemn when the volume does not let it set a held blob aside", async () => {
    const { fs, holds, shelf, place } = await newShelf();
    await place();
    await shelf.settle();
    holds.hold(digest);
    fs.failNext("rename");
    const blob = await shelf.find(digest);
    const facts = blob && (await shelf.facts(blob));
    const identity = `${facts?.dev}:${facts?.ino}`;
    await expect(shelf.condemn(digest, identity)).rejects.toMatchObject({ code: "IO" });
    expect(await shelf.find(digest)).toBeDefined();
  });
});
