import { describe, expect, it } from "vitest";
import { GuardedDrafts } from "../../../src/cache/keeping/disk-health.ts";
import { digestOf } from "../../../src/protocol/digest.ts";
import type { Holds } from "../../../src/store/holds.ts";
import { blobStoreContract, keep } from "../../contracts/blob-store.ts";
import { MemoryBlobStore } from "../../support/memory-blob-store.ts";
import { FaultyBlobs, type Trouble } from "../support/faulty-blobs.ts";

function setUp(trouble: Trouble = {}) {
  const disk = {
    isPaused: false,
    failed: 0,
    failures: 0,
    successes: 0,
    writeFailed: () => {
      disk.failures += 1;
    },
    writeSucceeded: () => {
      disk.successes += 1;
    },
  };
  const blobs = new FaultyBlobs(trouble);
  return { disk, blobs, guarded: new GuardedDrafts(blobs, disk) };
}

blobStoreContract("a store whose drafts are guarded", async (holds: Holds) => {
  const blobs = new MemoryBlobStore({ holds });
  const drafts = new GuardedDrafts(
    { create: blobs.create.bind(blobs), takeUp: blobs.takeUp.bind(blobs) },
    setUp().disk,
  );
  return Object.assign(blobs, {
    create: () => drafts.create(),
    takeUp: (id: string) => drafts.takeUp(id),
  });
});

describe("guarded drafts", () => {
  it("counts what is kept, and nothing that is thrown away", async () => {
    const { disk, guarded } = setUp();
    await keep(guarded, Buffer.from("kept for good"));
    const draft = await guarded.create();
    await draft.write(Buffer.from("x"), draft.written);
    await draft.discard();
    await draft.commit(digestOf(Buffer.from("x")));
    await draft.write(Buffer.from("y"), draft.written).catch(() => undefined);
    await draft.close();
    expect(disk).toMatchObject({ failures: 0, successes: 1 });
  });

  it.each<[string, Trouble]>([
    ["that cannot begin", { fullAt: 0 }],
    ["that cannot go on", { fullAt: 3 }],
    ["that cannot be kept", { noCommit: true }],
  ])("counts a blob %s as one failure", async (_, trouble) => {
    const { disk, guarded } = setUp(trouble);
    await expect(keep(guarded, Buffer.from("twelve bytes"))).rejects.toThrow();
    expect(disk).toMatchObject({ failures: 1, successes: 0 });
  });

  it("counts two writes that fail at once as one failure", async () => {
    const { disk, guarded } = setUp({ fullAt: 3 });
    const draft = await guarded.create();
    for (let count = 0; count < 2; count += 1)
      await expect(draft.write(Buffer.from("too much"), draft.written)).rejects.toMatchObject({
        code: "FULL",
      });
    expect(disk.failures).toBe(1);
    await draft.close();
  });

  it("starts no blob while the disk is left alone, and does not even ask the disk", async () => {
    const { disk, guarded, blobs } = setUp();
    disk.isPaused = true;
    await expect(guarded.create()).rejects.toMatchObject({ code: "PAUSED" });
    expect([blobs.drafts, disk.failures]).toEqual([0, 0]);
  });
});
