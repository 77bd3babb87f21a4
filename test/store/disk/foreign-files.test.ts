import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openDataFolder } from "../../../src/store/disk/data-folder.ts";
import { refuseForeignFiles } from "../../../src/store/disk/foreign-files.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

/** A folder with these in it; what ends with a slash is a folder too. */
async function folderWith(...names: readonly string[]): Promise<string> {
  const path = await temporaryFolder();
  for (const name of names) {
    if (name.endsWith("/")) await mkdir(join(path, name));
    else await writeFile(join(path, name), "");
  }
  return path;
}

describe("a folder without VERSION", () => {
  it.each([
    ["nothing", []],
    ["what a volume has at its root", ["lost+found/"]],
    ["what git and desktops put everywhere", [".gitkeep", ".DS_Store", ".nfs000001"]],
    ["a CA put there beforehand", ["ca/"]],
    [
      "what is left of a first start that crashed",
      ["lock", "lock-journal", "lock.pid", "blobs/", "partial/", "VERSION.new"],
    ],
    [
      "a copy that lost its VERSION",
      ["blobs/", "records.sqlite", "records.sqlite-wal", "records.sqlite-shm", "token.secret"],
    ],
  ])("is taken with %s in it", async (_, names) => {
    const folder = await openDataFolder(await folderWith(...names));
    folder.close();
  });

  it.each([
    ["a home", ["Documents/", ".bashrc"], "Documents"],
    ["another program's cache", ["0/", "proxy.log"], /0|proxy\.log/],
    ["settings beside", ["ca/", "entrepot.yaml"], "entrepot.yaml"],
    ["a name that is nearly ours", ["blobs.tar"], "blobs.tar"],
  ])("is refused with %s in it, and nothing is written", async (_, names, shown) => {
    const path = await folderWith(...names);
    const before = await readdir(path);
    const opening = openDataFolder(path);
    await expect(opening).rejects.toMatchObject({
      code: "FORMAT",
      message: expect.stringMatching(shown),
    });
    await expect(opening).rejects.toThrow(
      `; use an empty folder, such as ${path}/entrepot, or one that was DATA_DIR before`,
    );
    expect(await readdir(path)).toEqual(before);
  });

  it("is refused if it is the root of the disk", async () => {
    await expect(refuseForeignFiles("/")).rejects.toThrow(
      /use an empty folder, such as \/entrepot/,
    );
  });
});

it("a folder with VERSION may hold whatever else is put there", async () => {
  const path = await temporaryFolder();
  (await openDataFolder(path)).close();
  await writeFile(join(path, "notes.txt"), "mine");
  (await openDataFolder(path)).close();
});
