import { describe, expect, it } from "vitest";
import type { CacheEvent } from "../../../src/cache/cache-event.ts";
import { KeptBlobs } from "../../../src/cache/keeping/kept-blobs.ts";
import { Usage } from "../../../src/cache/keeping/usage.ts";
import { MemorySource } from "../../../src/cache/pull/memory-source.ts";
import { digestOf } from "../../../src/protocol/digest.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import { MemoryBlobStore } from "../../support/memory-blob-store.ts";
import { MemoryRecordStore } from "../../support/memory-record-store.ts";

const bytes = Buffer.from("entrepot");
const digest = digestOf(bytes);
const { signal } = new AbortController();

async function setUp() {
  const blobs = new MemoryBlobStore();
  const draft = await blobs.create();
  await draft.write(bytes, draft.written);
  await draft.commit(digest);
  await draft.close();
  const events: CacheEvent[] = [];
  const observe = (event: CacheEvent): void => void events.push(event);
  const usage = new Usage({ records: new MemoryRecordStore(), observe, now: () => 1 });
  usage.added(digest, bytes.length);
  const asked = { stats: 0, rechecks: 0 };
  let isVerified = true;
  const stat = blobs.stat.bind(blobs);
  blobs.stat = async (wanted) => {
    asked.stats += 1;
    const found = await stat(wanted);
    return found && { ...found, isVerified };
  };
  const rechecks = {
    open: async () => {
      asked.rechecks += 1;
      return new MemorySource(bytes);
    },
  };
  const kept = new KeptBlobs({ blobs, rechecks, usage, observe });
  const doubt = (): void => {
    isVerified = false;
  };
  return { blobs, usage, events, asked, kept, doubt };
}

describe("a kept blob", () => {
  it("is opened and looked at once, and counts as read until it is closed", async () => {
    const { kept, usage, asked } = await setUp();
    const source = await kept.open(digest);
    const buffer = Buffer.alloc(3);
    expect(await source?.read(buffer, 5, signal)).toBe(3);
    expect([buffer.toString(), source?.size, usage.isRead(digest)]).toEqual(["pot", 8, true]);
    await source?.close();
    await source?.close();
    expect(usage.isRead(digest)).toBe(false);
    await (await kept.open(digest))?.close();
    expect(asked).toEqual({ stats: 1, rechecks: 0 });
  });

  it("in doubt is hashed on the way out, until it is trusted", async () => {
    const { kept, asked, doubt } = await setUp();
    doubt();
    await (await kept.open(digest))?.close();
    await (await kept.open(digest))?.close();
    expect(asked.rechecks).toBe(2);
  });

  it("that is gone, or on a broken disk, is not kept", async () => {
    const { kept, blobs, usage, events } = await setUp();
    expect(await kept.open(digestOf(Buffer.from("other")))).toBeUndefined();
    await (await kept.open(digest))?.close();
    blobs.open = () => Promise.reject(new Error("EIO"));
    expect(await kept.open(digest)).toBeUndefined();
    blobs.stat = () => Promise.reject(new Error("EIO"));
    expect(await kept.stat(digest)).toBeUndefined();
    expect(events.map(({ kind }) => kind)).toEqual(["diskFailed", "diskFailed"]);
    expect(usage.isRead(digest)).toBe(false);
  });

  it("whose first wanted byte cannot be read is not kept", async () => {
    const { kept, blobs, usage, events } = await setUp();
    const open = blobs.open.bind(blobs);
    let closes = 0;
    blobs.open = async (wanted) => {
      const reader = await open(wanted);
      if (reader === undefined) return undefined;
      const read = reader.read.bind(reader);
      const close = reader.close.bind(reader);
      reader.read = async (buffer, position) => {
        if (position >= 6) throw new StoreError("IO", "EIO");
        return await read(buffer, position);
      };
      reader.close = async () => {
        closes += 1;
        await close();
      };
      return reader;
    };
    await (await kept.open(digest, () => 5))?.close();
    expect([events, closes]).toEqual([[], 1]);
    expect(await kept.open(digest, (size) => size - 2)).toBeUndefined();
    expect(events).toMatchObject([{ kind: "diskFailed", error: { code: "IO" } }]);
    expect([closes, usage.isRead(digest)]).toEqual([2, false]);
    expect(await kept.open(digest)).toBeUndefined();
  });

  it("that cannot be read to its end is not kept any more, until other bytes are", async () => {
    const { kept, blobs, events } = await setUp();
    const open = blobs.open.bind(blobs);
    blobs.open = async (wanted) => {
      const reader = await open(wanted);
      if (reader === undefined) return undefined;
      reader.read = async (buffer) => {
        if (buffer.length > 1) throw new StoreError("IO", "EIO");
        return 1;
      };
      return reader;
    };
    const source = await kept.open(digest);
    const other = await kept.open(digest);
    await expect(source?.read(Buffer.alloc(8), 0, signal)).rejects.toMatchObject({ code: "IO" });
    await expect(other?.read(Buffer.alloc(8), 0, signal)).rejects.toMatchObject({ code: "IO" });
    await source?.close();
    await other?.close();
    expect(events).toMatchObject([{ kind: "diskFailed", error: { code: "IO" } }]);
    expect(await kept.open(digest)).toBeUndefined();
    blobs.open = open;
    kept.forget(digest);
    const again = await kept.open(digest);
    expect(await again?.read(Buffer.alloc(8), 0, signal)).toBe(8);
    await again?.close();
  });

  it("that is read by somebody who has left is as good as before", async () => {
    const { kept, events } = await setUp();
    const source = await kept.open(digest);
    await source?.close();
    await expect(source?.read(Buffer.alloc(8), 0, signal)).rejects.toBeDefined();
    await (await kept.open(digest))?.close();
    expect(events).toEqual([]);
  });

  it("that was found to be wrong is looked at again", async () => {
    const { kept, asked } = await setUp();
    await (await kept.open(digest))?.close();
    kept.forget(digest);
    await (await kept.open(digest))?.close();
    expect(asked.stats).toBe(2);
    expect(await kept.stat(digest)).toEqual({ size: 8, isVerified: true });
  });
});
