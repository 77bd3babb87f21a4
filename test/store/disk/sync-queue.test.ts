import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Digest, digestOf } from "../../../src/protocol/digest.ts";
import { SyncQueue } from "../../../src/store/disk/sync-queue.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { failingFileSystem } from "./fail-nth-call.ts";

async function newQueue() {
  const fs = failingFileSystem();
  const failed: Digest[] = [];
  const queue = new SyncQueue(fs, async (digest) => {
    failed.push(digest);
  });
  const folder = await temporaryFolder();
  const add = async (name: string) => {
    await writeFile(join(folder, name), name);
    queue.add(digestOf(Buffer.from(name)), join(folder, name));
  };
  return { fs, failed, queue, folder, add };
}

describe("the sync queue", () => {
  it("is sound with nothing to do", async () => {
    const { queue } = await newQueue();
    expect(await queue.drain()).toBe(true);
  });

  it("syncs each file once and its folder once", async () => {
    const { fs, queue, add } = await newQueue();
    await add("a");
    await add("b");
    expect(await queue.drain()).toBe(true);
    // Open, sync and close for two files and one folder.
    expect(fs.calls()).toBe(9);
    expect(fs.openFiles()).toBe(0);
  });

  it("takes a file again that was added while it was being synced", async () => {
    const { fs, queue, add } = await newQueue();
    const release = fs.holdSyncs();
    await add("a");
    await add("a");
    release();
    expect(await queue.drain()).toBe(true);
    expect(fs.calls()).toBe(9);
  });

  it("reports a failed sync once, tries it never again, and goes on", async () => {
    const { fs, failed, queue, add } = await newQueue();
    fs.failNext("fsync");
    await add("a");
    await add("b");
    expect(await queue.drain()).toBe(false);
    expect(failed).toEqual([digestOf(Buffer.from("a"))]);
    expect(await queue.drain()).toBe(false);
  });

  it("gives up nothing because too many files are open, and syncs it when it can", async () => {
    const { fs, failed, queue, add } = await newQueue();
    fs.failAt(1, "EMFILE", "always");
    await add("a");
    expect(await queue.drain()).toBe(false);
    fs.failAt(0, "");
    await add("b");
    expect(await queue.drain()).toBe(true);
    expect(failed).toEqual([]);
  });

  it("has nothing to say about a blob evicted meanwhile", async () => {
    const { failed, queue, folder } = await newQueue();
    queue.add(digestOf(Buffer.from("gone")), join(folder, "gone"));
    expect(await queue.drain()).toBe(true);
    expect(failed).toEqual([]);
  });

  it("is not sound when a folder fails, nor once it was tainted", async () => {
    const first = await newQueue();
    first.queue.addFolder(join(first.folder, "none"));
    expect(await first.queue.drain()).toBe(false);
    const second = await newQueue();
    second.queue.taint();
    expect(await second.queue.drain()).toBe(false);
  });

  it("stops at the deadline and says that it is not done", async () => {
    const { fs, queue, add } = await newQueue();
    const release = fs.holdSyncs();
    await add("a");
    await add("b");
    const draining = queue.drain(AbortSignal.abort());
    release();
    expect(await draining).toBe(false);
  });
});
