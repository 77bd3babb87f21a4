import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openDataFolder } from "../../../src/store/disk/data-folder.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { filesIn } from "./opened-store.ts";

describe("the data folder", () => {
  it("is made with all it needs, and trusts its emptiness", async () => {
    const path = join(await temporaryFolder(), "deep", "data");
    const folder = await openDataFolder(path);
    expect(folder.verified).toBe("all");
    expect(await readFile(join(path, "VERSION"), "utf8")).toBe("2\n");
    folder.close();
  });

  it("vouches for nothing after a crash, nor when blobs came without a VERSION", async () => {
    const path = await temporaryFolder();
    (await openDataFolder(path)).close();
    const crashed = await openDataFolder(path);
    expect(crashed.verified).toEqual(new Set());
    crashed.close();
    const copied = await temporaryFolder();
    await mkdir(join(copied, "blobs", "sha256"), { recursive: true });
    const folder = await openDataFolder(copied);
    expect(folder.verified).toEqual(new Set());
    folder.close();
  });

  it("takes the marker of a clean stop away at once", async () => {
    const path = await temporaryFolder();
    const first = await openDataFolder(path);
    await first.markClean("all");
    first.close();
    const second = await openDataFolder(path);
    expect(second.verified).toBe("all");
    expect(await filesIn(path)).not.toContain(join(path, "clean"));
    second.close();
  });

  it("sweeps drafts of a run that was killed, and nothing else", async () => {
    const path = await temporaryFolder();
    (await openDataFolder(path)).close();
    await writeFile(join(path, "partial", `${"0a".repeat(16)}.draft`), "half a blob");
    await writeFile(join(path, "partial", "notes.txt"), "mine");
    const folder = await openDataFolder(path);
    expect(await filesIn(join(path, "partial"))).toEqual([join(path, "partial", "notes.txt")]);
    folder.close();
  });

  it("takes what an earlier version wrote, and writes down that it has", async () => {
    const path = await temporaryFolder();
    await writeFile(join(path, "VERSION"), "1\n");
    (await openDataFolder(path)).close();
    expect(await readFile(join(path, "VERSION"), "utf8")).toBe("2\n");
  });

  it.each([
    ["3\n", "holds format 3, and this version reads up to format 2; use another folder"],
    ["<html>", "holds an unknown format"],
    ["", "holds an unknown format"],
  ])("refuses a VERSION of %o, and touches nothing", async (version, sentence) => {
    const path = await temporaryFolder();
    await writeFile(join(path, "VERSION"), version);
    const opening = openDataFolder(path);
    await expect(opening).rejects.toMatchObject({ code: "FORMAT" });
    await expect(opening).rejects.toThrow(`${path} ${sentence}`);
    expect(await filesIn(path)).toEqual([join(path, "VERSION")]);
  });

  it("keeps a second one out, and lets it in after close", async () => {
    const path = await temporaryFolder();
    const folder = await openDataFolder(path);
    await expect(openDataFolder(path)).rejects.toMatchObject({ code: "LOCKED" });
    folder.close();
    (await openDataFolder(path)).close();
  });

  it("says in a sentence that it cannot be made where a file stands", async () => {
    const path = join(await temporaryFolder(), "file");
    await writeFile(path, "");
    const opening = openDataFolder(join(path, "data"));
    await expect(opening).rejects.toMatchObject({ code: "FORMAT" });
    await expect(opening).rejects.toThrow(/lies below a file; use another folder$/);
  });

  it("ends with a sentence below /proc, where Node's recursive mkdir never returned", async () => {
    await expect(openDataFolder("/proc/entrepot/data")).rejects.toThrow(
      /cannot be made \(E[A-Z]+\); use/,
    );
  });

  it("frees the lock when something in it cannot be prepared", async () => {
    const path = await temporaryFolder();
    await writeFile(join(path, "blobs"), "a file where a folder must be");
    for (const _ of [1, 2]) {
      await expect(openDataFolder(path)).rejects.toMatchObject({ code: "IO" });
    }
  });
});
