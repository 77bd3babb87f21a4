import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { digestOf } from "../../../src/protocol/digest.ts";
import { DiskDraft, type DraftParts, type Finished } from "../../../src/store/disk/disk-draft.ts";
import { HeldFile } from "../../../src/store/disk/held-file.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { failingFileSystem } from "./fail-nth-call.ts";
import { filesIn } from "./opened-store.ts";

const digest = digestOf(Buffer.from("0123456789"));

async function newDraft(place: (finished: Finished) => Promise<void>) {
  const folder = await temporaryFolder();
  const fs = failingFileSystem();
  const path = join(folder, "a.draft");
  const file = new HeldFile(await fs.open(path, "wx+"), path);
  const kept: Parameters<DraftParts["keep"]>[] = [];
  const keep = async (...facts: Parameters<DraftParts["keep"]>): Promise<void> => {
    if (facts[0] === "unwanted") throw new Error("no");
    kept.push(facts);
  };
  const draft = new DiskDraft({ fs, path, file, keep, place: (_, finished) => place(finished) });
  return { folder, fs, draft, path, kept };
}

describe("a disk draft", () => {
  it("makes one call for one append", async () => {
    const { fs, draft } = await newDraft(async () => undefined);
    const before = fs.calls();
    await draft.write(Buffer.alloc(100_000), draft.written);
    expect(fs.calls() - before).toBe(1);
    await draft.close();
  });

  it("hands over its file with size and durability, once", async () => {
    const placed: Finished[] = [];
    const { draft } = await newDraft(async (finished) => {
      placed.push(finished);
    });
    await draft.write(Buffer.from("0123456789"), draft.written);
    await draft.commit(digest, { isDurable: true });
    await draft.commit(digest);
    await draft.close();
    expect(placed).toHaveLength(1);
    expect(placed[0]).toMatchObject({ size: 10, isDurable: true });
  });

  it("leaves nothing when it cannot be placed, and passes the reason on", async () => {
    const reason = new Error("no");
    const { folder, fs, draft } = await newDraft(() => Promise.reject(reason));
    await draft.write(Buffer.from("0123456789"), draft.written);
    await expect(draft.commit(digest)).rejects.toMatchObject({ code: "IO", cause: reason });
    expect(await filesIn(folder)).toEqual([]);
    await draft.close();
    expect(fs.openFiles()).toBe(0);
  });

  it("hands its file over to who goes on with it, without what a failed write left behind", async () => {
    const { fs, draft, path, kept } = await newDraft(async () => undefined);
    await draft.write(Buffer.from("0123456789"), draft.written);
    const beyond = await fs.open(path, "r+");
    await beyond.write(Buffer.from("rubbish"), 0, 7, 10);
    await beyond.close();
    await draft.setAside("a label");
    await draft.setAside("another label");
    await draft.commit(digest);
    expect(kept).toEqual([["a label", path, [{ start: 0, end: 10 }]]]);
    expect((await readFile(path)).toString()).toBe("0123456789");
    await draft.close();
  });

  it("leaves nothing when its file is not wanted", async () => {
    const { folder, draft } = await newDraft(async () => undefined);
    await draft.write(Buffer.from("0123456789"), draft.written);
    await draft.setAside("unwanted");
    expect(await filesIn(folder)).toEqual([]);
    await draft.close();
  });

  it("closes without a word although its file cannot be removed", async () => {
    const { fs, draft } = await newDraft(async () => undefined);
    fs.failNext("unlink");
    await draft.close();
    expect(fs.openFiles()).toBe(0);
  });
});
