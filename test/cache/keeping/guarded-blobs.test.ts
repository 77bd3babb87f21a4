import { describe, expect, it } from "vitest";
import { GuardedBlobs } from "../../../src/cache/keeping/guarded-blobs.ts";
import { digestOf } from "../../../src/protocol/digest.ts";
import type { Holds } from "../../../src/store/holds.ts";
import { blobStoreContract, keep } from "../../contracts/blob-store.ts";
import { MemoryBlobStore } from "../../support/memory-blob-store.ts";
import { FaultyBlobs, type Trouble } from "../support/faulty-blobs.ts";

function setUp(trouble: Trouble = {}) {
  const breaker = {
    isOpen: false,
    failures: 0,
    successes: 0,
    failed: () => {
      breaker.failures += 1;
    },
    succeeded: () => {
      breaker.successes += 1;
    },
  };
  const blobs = new FaultyBlobs(trouble);
  return { breaker, blobs, guarded: new GuardedBlobs(blobs, breaker) };
}

blobStoreContract("a guarded store", async (holds: Holds) => {
  const blobs = new MemoryBlobStore({ holds });
  const breaker = { isOpen: false, failed: () => undefined, succeeded: () => undefined };
  const guarded = Object.assign(new GuardedBlobs(blobs, breaker), {
    space: () => blobs.space(),
    aside: 0,
    clearAside: () => blobs.clearAside(),
  });
  return Object.defineProperty(guarded, "aside", { get: () => blobs.aside });
});

describe("a guarded store", () => {
  it("counts what is kept, and nothing that is thrown away", async () => {
    const { breaker, guarded } = setUp();
    await keep(guarded, Buffer.from("kept for good"));
    const draft = await guarded.create();
    await draft.write(Buffer.from("x"), draft.written);
    await draft.discard();
    await draft.commit(digestOf(Buffer.from("x")));
    await draft.write(Buffer.from("y"), draft.written).catch(() => undefined);
    await draft.close();
    expect(breaker).toMatchObject({ failures: 0, successes: 1 });
  });

  it.each<[string, Trouble]>([
    ["that cannot begin", { fullAt: 0 }],
    ["that cannot go on", { fullAt: 3 }],
    ["that cannot be kept", { noCommit: true }],
  ])("counts a blob %s as one failure", async (_, trouble) => {
    const { breaker, guarded } = setUp(trouble);
    await expect(keep(guarded, Buffer.from("twelve bytes"))).rejects.toThrow();
    expect(breaker).toMatchObject({ failures: 1, successes: 0 });
  });

  it("counts two writes that fail at once as one failure", async () => {
    const { breaker, guarded } = setUp({ fullAt: 3 });
    const draft = await guarded.create();
    for (let count = 0; count < 2; count += 1)
      await expect(draft.write(Buffer.from("too much"), draft.written)).rejects.toMatchObject({
        code: "FULL",
      });
    expect(breaker.failures).toBe(1);
    await draft.close();
  });

  it("starts no blob while the breaker is open, and does not even ask the disk", async () => {
    const { breaker, guarded, blobs } = setUp();
    breaker.isOpen = true;
    await expect(guarded.create()).rejects.toMatchObject({ code: "PAUSED" });
    expect([blobs.drafts, breaker.failures]).toEqual([0, 0]);
  });
});
