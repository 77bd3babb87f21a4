import { describe, expect, it } from "vitest";
import type { CacheEvent } from "../../../src/cache/cache-event.ts";
import { DiskHealth } from "../../../src/cache/keeping/disk-health.ts";
import { candidates, Eviction, type EvictionOptions } from "../../../src/cache/keeping/eviction.ts";
import { Usage } from "../../../src/cache/keeping/usage.ts";
import { type Digest, digestOf, toDigest } from "../../../src/protocol/digest.ts";
import { Holds } from "../../../src/store/holds.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import { longestTurn, staysBelow } from "../../support/longest-turn.ts";
import { MemoryBlobStore } from "../../support/memory-blob-store.ts";
import { MemoryRecordStore } from "../../support/memory-record-store.ts";
import { noBooks } from "../../support/no-books.ts";
import { TestClock } from "../../support/test-clock.ts";

const nothingAside = { aside: 0, clearAside: async () => undefined };
const number = (index: number): Digest => toDigest("sha256", String(index).padStart(64, "0"));

function setUp(options: Partial<EvictionOptions> = {}, most?: number) {
  const events: CacheEvent[] = [];
  const holds = new Holds();
  const blobs = new MemoryBlobStore({ holds });
  const clock = new TestClock();
  const now = (): number => 0;
  const observe = (event: CacheEvent): void => void events.push(event);
  const usage = new Usage({
    ...{ records: new MemoryRecordStore(), block: 1, now, observe },
    ...(most === undefined ? {} : { most }),
  });
  const disk = new DiskHealth({ drafts: blobs, observe, makeRoom: () => undefined, clock });
  const eviction = new Eviction({
    blobs,
    disk,
    usage,
    maxSize: 300,
    minFree: () => 0,
    isHeld: (digest) => holds.isHeld(digest),
    wanted: async () => new Map<Digest, number>(),
    books: noBooks,
    observe,
    clock,
    ...options,
  });
  const keep = async (text: string): Promise<Digest> => {
    const bytes = Buffer.from(text.padEnd(100, "."));
    const digest = digestOf(bytes);
    const draft = await blobs.create();
    await draft.write(bytes, draft.written);
    await draft.commit(digest);
    await draft.close();
    usage.added(digest, bytes.length);
    return digest;
  };
  const left = async (...digests: Digest[]): Promise<boolean[]> =>
    Promise.all(digests.map(async (digest) => (await blobs.stat(digest)) !== undefined));
  return { events, holds, blobs, usage, eviction, clock, keep, left };
}

describe("eviction", () => {
  it("lets the least recently used go until the rest fits", async () => {
    const { usage, eviction, keep, left, events } = setUp();
    const [a, b, c] = [await keep("a"), await keep("b"), await keep("c")];
    eviction.wake();
    await eviction.settled();
    expect(await left(a, b, c)).toEqual([true, true, true]);
    usage.used(a);
    const d = await keep("d");
    eviction.wake();
    await eviction.settled();
    expect(await left(a, b, c, d)).toEqual([true, false, true, true]);
    expect(events).toEqual([
      { kind: "blobEvicted", digest: b, size: 100, usedAt: 0 },
      { kind: "evictionFinished", blobs: 1, bytes: 100, missing: 0 },
    ]);
    expect(usage.total).toBe(300);
    await eviction.close();
  });

  it("lets the oldest of very many small blobs go: a stranger's fill no memory", async () => {
    const { eviction, keep, left, usage } = setUp({ maxSize: 1e9, maxBlobs: 2 });
    const [a, b, c] = [await keep("a"), await keep("b"), await keep("c")];
    eviction.wake();
    await eviction.settled();
    expect(await left(a, b, c)).toEqual([false, true, true]);
    expect(usage.count).toBe(2);
    await eviction.close();
  });

  it("spares what is read or held, and says what is missing", async () => {
    const { usage, eviction, keep, left, holds, events } = setUp({ maxSize: 0 });
    const [read, held, other] = [await keep("a"), await keep("b"), await keep("c")];
    const stopReading = usage.reading(read);
    holds.hold(held);
    eviction.wake();
    await eviction.settled();
    expect(await left(read, held, other)).toEqual([true, true, false]);
    expect(events.at(-1)).toEqual({ kind: "evictionFinished", blobs: 1, bytes: 100, missing: 200 });
    stopReading();
    holds.release(held);
    eviction.wake();
    await eviction.settled();
    expect(usage.total).toBe(0);
  });

  it("takes what belongs to a manifest just served last, the oldest serve first", async () => {
    const wanted = new Map<Digest, number>();
    const { usage, eviction, keep, left, events } = setUp({ wanted: async () => wanted });
    const [late, early, read, other] = [
      await keep("a"),
      await keep("b"),
      await keep("c"),
      await keep("d"),
    ];
    wanted.set(late, 2_000).set(early, 1_000).set(read, 500);
    const stopReading = usage.reading(read);
    eviction.wake();
    await eviction.settled();
    expect(await left(late, early, read, other)).toEqual([true, true, true, false]);
    await keep("e");
    await keep("f");
    wanted.set(digestOf(Buffer.from("e".padEnd(100, "."))), 3_000);
    wanted.set(digestOf(Buffer.from("f".padEnd(100, "."))), 3_000);
    eviction.wake();
    await eviction.settled();
    expect(await left(late, early, read)).toEqual([false, false, true]);
    expect(events.at(-1)).toMatchObject({ blobs: 2, bytes: 200, missing: 0 });
    expect(usage.total).toBe(300);
    stopReading();
    await eviction.close();
  });

  it("looks again at what could not go, without being woken", async () => {
    const { usage, eviction, keep, left, clock } = setUp({ maxSize: 0 });
    const read = await keep("a");
    const stopReading = usage.reading(read);
    eviction.wake();
    await eviction.settled();
    expect([await left(read), clock.waiting]).toEqual([[true], 1]);
    stopReading();
    clock.pass(10_000);
    await eviction.settled();
    expect([await left(read), clock.waiting]).toEqual([[false], 0]);
    await eviction.close();
  });

  it("takes a blob of more than all may have once the archive has it and its last reader has gone", async () => {
    const delivered = new Set<Digest>();
    const isDelivered = (digest: Digest): boolean => delivered.has(digest);
    const { usage, eviction, keep, left, clock } = setUp({ isDelivered }, 50);
    const large = await keep("large");
    const [stopFirst, stopLast] = [usage.reading(large), usage.reading(large)];
    const look = async (): Promise<boolean | undefined> => {
      await eviction.settled();
      return (await left(large))[0];
    };
    eviction.wake();
    expect(await look()).toBe(true);
    delivered.add(large);
    eviction.wake();
    expect(await look()).toBe(true);
    stopFirst();
    clock.pass(10_000);
    expect(await look()).toBe(true);
    stopLast();
    clock.pass(10_000);
    expect(await look()).toBe(false);
    await eviction.close();
  });

  it("forgets what was gone already, instead of pushing out what is there for it", async () => {
    const { blobs, usage, eviction, keep, left } = setUp();
    const gone = [await keep("1"), await keep("2"), await keep("3")];
    for (const digest of gone) await blobs.delete(digest);
    const there = [await keep("a"), await keep("b"), await keep("c")];
    eviction.wake();
    await eviction.settled();
    expect(await left(...there)).toEqual([true, true, true]);
    expect(usage.total).toBe(300);
  });

  it("passes over what the store refuses to delete", async () => {
    const { eviction, keep, left, holds, usage } = setUp({ maxSize: 100, isHeld: () => false });
    const [a, b] = [await keep("a"), await keep("b")];
    holds.hold(a);
    eviction.wake();
    await eviction.settled();
    expect(await left(a, b)).toEqual([true, false]);
    expect(usage.total).toBe(100);
  });

  it("keeps room free on the volume, and makes some when the disk says it is full", async () => {
    const space = { free: 50, total: 1_000 };
    const store = new MemoryBlobStore();
    const blobs = {
      delete: async (digest: Digest) => {
        space.free += 100;
        return store.delete(digest).then(() => true);
      },
      stat: (digest: Digest) => store.stat(digest),
      space: async () => space,
      ...nothingAside,
    };
    const { usage, eviction, events } = setUp({
      blobs,
      maxSize: 1e9,
      minFree: (total) => total / 5,
    });
    for (let index = 0; index < 5; index += 1) usage.added(number(index), 100);
    eviction.wake();
    await eviction.settled();
    expect([space.free, usage.count]).toEqual([250, 3]);
    eviction.writeFailed(new StoreError("IO", "broken"));
    await eviction.settled();
    expect(usage.count).toBe(3);
    eviction.writeFailed(new StoreError("FULL", "no room"));
    await eviction.settled();
    expect(usage.count).toBe(0);
    expect(events.at(-1)).toMatchObject({ kind: "evictionFinished", blobs: 3 });
  });

  it("throws away what was set aside before any blob", async () => {
    const { blobs, usage, eviction, keep, left } = setUp();
    const draft = await blobs.create();
    await draft.write(Buffer.alloc(300), draft.written);
    await draft.setAside("part of a blob");
    const kept = [await keep("a"), await keep("b"), await keep("c")];
    eviction.wake();
    await eviction.settled();
    expect([blobs.aside, usage.total]).toEqual([0, 300]);
    expect(await left(...kept)).toEqual([true, true, true]);
  });

  it("leaves a broken volume alone for a moment", async () => {
    let asked = 0;
    const blobs = {
      delete: async () => true,
      stat: async () => undefined,
      space: async () => {
        asked += 1;
        throw new StoreError("IO", "broken");
      },
      ...nothingAside,
    };
    const { eviction, clock, events } = setUp({ blobs });
    eviction.wake();
    await eviction.settled();
    eviction.writeFailed(new StoreError("IO", "broken"));
    await eviction.settled();
    expect([asked, events.length]).toEqual([1, 1]);
    clock.pass(5_000);
    eviction.wake();
    await eviction.settled();
    expect(asked).toBe(2);
  });

  it("of 100,000 blobs never holds anybody up", { timeout: 300_000 }, async () => {
    const nothing = async () => undefined;
    const blobs = { delete: async () => true, stat: nothing, space: nothing, ...nothingAside };
    const measure = async () => {
      let evicted = 0;
      const { usage, eviction } = setUp({
        blobs,
        maxSize: 10_000,
        isHeld: (digest) => digest.endsWith("7"),
        observe: (event) => {
          if (event.kind === "blobEvicted") evicted += 1;
        },
      });
      for (let index = 0; index < 100_000; index += 1) usage.added(number(index), 1);
      const longest = await longestTurn(() => {
        eviction.wake();
        return eviction.settled();
      });
      expect([evicted, usage.total]).toEqual([90_000, 10_000]);
      return longest;
    };
    expect(await staysBelow(20, measure)).toBe(true);
  });

  it("of 100,000 blobs that were all just served never holds anybody up either", {
    timeout: 300_000,
  }, async () => {
    const nothing = async () => undefined;
    const blobs = { delete: async () => true, stat: nothing, space: nothing, ...nothingAside };
    const measure = async () => {
      const wanted = new Map<Digest, number>();
      const { usage, eviction } = setUp({ blobs, maxSize: 10_000, wanted: async () => wanted });
      for (let index = 0; index < 100_000; index += 1) {
        usage.added(number(index), 1);
        wanted.set(number(index), (index * 7_919) % 100_000);
      }
      const longest = await longestTurn(() => {
        eviction.wake();
        return eviction.settled();
      });
      expect(usage.total).toBe(10_000);
      expect(usage.has(number(0))).toBe(false);
      return longest;
    };
    expect(await staysBelow(20, measure)).toBe(true);
  });
});

describe("the choice", () => {
  it("goes through them in the order given, with pauses", () => {
    const blobs = Array.from({ length: 1_200 }, (_, index) => ({
      digest: number(index),
      size: 1,
      usedAt: index,
    }));
    const chosen = [...candidates(blobs, ({ usedAt }) => usedAt >= 1_198)];
    expect(chosen.map((blob) => blob?.usedAt)).toEqual([undefined, undefined, 1_198, 1_199]);
  });
});
