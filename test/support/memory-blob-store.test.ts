import { describe, expect, it } from "vitest";
import { digestOf } from "../../src/protocol/digest.ts";
import { blobStoreContract, keep } from "../contracts/blob-store.ts";
import { MemoryBlobStore } from "./memory-blob-store.ts";

blobStoreContract("memory", async (holds) => new MemoryBlobStore({ holds }));

describe("a memory blob store with a limit", () => {
  it("is FULL beyond it, keeps what was written readable, and has room again after a delete", async () => {
    const store = new MemoryBlobStore({ capacity: 10 });
    const digest = await keep(store, Buffer.from("12345678"));
    const draft = await store.create();
    await draft.write(Buffer.from("ab"), draft.written);
    await expect(draft.write(Buffer.from("c"), draft.written)).rejects.toMatchObject({
      code: "FULL",
    });
    expect(draft.written).toBe(2);
    expect(await store.space()).toEqual({ free: 0, total: 10 });
    await draft.close();
    expect(await store.delete(digest)).toBe(true);
    expect(await store.space()).toEqual({ free: 10, total: 10 });
  });

  it("tells by its clock when a blob was last opened", async () => {
    let now = 1;
    const store = new MemoryBlobStore({ now: () => now });
    await keep(store, Buffer.from("a"));
    now = 2;
    await store.open(digestOf(Buffer.from("a")));
    for await (const kept of store.list()) expect(kept.usedAt).toBe(2);
  });
});
