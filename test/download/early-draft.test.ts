/** The file that is opened before anybody writes into it. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { EarlyDraft } from "../../src/download/early-draft.ts";
import { openDataFolder } from "../../src/store/disk/data-folder.ts";
import { DiskBlobStore } from "../../src/store/disk/disk-blob-store.ts";
import type { BlobDraft, DraftStore } from "../../src/store/draft-store.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

async function onDisk() {
  const folder = await openDataFolder(join(await temporaryFolder(), "data"));
  const blobs = await DiskBlobStore.open(folder);
  const files = () => readdir(join(folder.path, "partial"));
  return { early: new EarlyDraft(blobs, () => true), files };
}

it("gives the file that was begun, once, and another one after it", async () => {
  const { early, files } = await onDisk();
  await early.takeUp("id");
  const first = await early.create("id");
  expect(await files()).toHaveLength(1);
  const second = await early.create("id");
  expect(await files()).toHaveLength(2);
  await early.drop();
  await first.write(Buffer.from("a"), 0);
  expect([first.written, second.written]).toEqual([1, 0]);
  await Promise.all([first.close(), second.close()]);
  expect(await files()).toEqual([]);
});

it("leaves nothing of a file that nobody wanted, or that went on under another id", async () => {
  const { early, files } = await onDisk();
  await early.takeUp("id");
  const other = await early.create("other");
  await early.drop();
  expect(await files()).toHaveLength(1);
  await other.close();
  expect(await files()).toEqual([]);
  await early.drop();
});

it("tells whoever wants it why it could not be made, and nobody else", async () => {
  const failure = new StoreError("FULL", "no room");
  const full: DraftStore = {
    create: () => Promise.reject<BlobDraft>(failure),
    takeUp: async () => undefined,
  };
  const early = new EarlyDraft(full, () => true);
  await early.takeUp("id");
  await expect(early.create("id")).rejects.toBe(failure);
  await early.takeUp("id");
  await early.drop();
});

it("is not written where nothing is to be kept any more, and is made again where it could not be before", async () => {
  const { early, files } = await onDisk();
  let mayKeep = true;
  let failures = 0;
  const blobs: DraftStore = {
    create: async (id) => {
      if (!mayKeep) throw new StoreError("PAUSED", "nothing is written");
      failures -= 1;
      if (failures >= 0) throw new StoreError("IO", "too many open files");
      return await early.create(id);
    },
    takeUp: async () => undefined,
  };
  const over = new EarlyDraft(blobs, () => mayKeep);
  await over.takeUp("id");
  mayKeep = false;
  await expect(over.create("id")).rejects.toMatchObject({ code: "PAUSED" });
  expect(await files()).toEqual([]);
  mayKeep = true;
  failures = 1;
  await over.takeUp("id");
  const draft = await over.create("id");
  expect(await files()).toHaveLength(1);
  await draft.close();
});

it("begins none where nothing may be kept", async () => {
  const asked: string[] = [];
  const paused: DraftStore = {
    create: () => {
      asked.push("create");
      return Promise.reject<BlobDraft>(new StoreError("PAUSED", "no room"));
    },
    takeUp: async () => undefined,
  };
  const early = new EarlyDraft(paused, () => false);
  expect(await early.takeUp("id")).toBeUndefined();
  expect(asked).toEqual([]);
});
