import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Usage } from "../../../src/cache/keeping/usage.ts";
import { digestOf } from "../../../src/protocol/digest.ts";
import type { KeptBlob } from "../../../src/store/blob-store.ts";
import { MemoryRecordStore } from "../../support/memory-record-store.ts";

const [a, b, c] = ["a", "b", "c"].map((text) => digestOf(Buffer.from(text))) as [
  KeptBlob["digest"],
  KeptBlob["digest"],
  KeptBlob["digest"],
];

function setUp(
  records = new MemoryRecordStore(),
  block = 1,
  isHeld: (digest: KeptBlob["digest"]) => boolean = () => false,
) {
  const clock = { now: 1_000 };
  const failures: unknown[] = [];
  const usage = new Usage({
    records,
    block,
    isHeld,
    now: () => clock.now,
    observe: (event) => failures.push(event),
  });
  return { records, clock, usage, failures };
}

const order = (usage: Usage) => [...usage.oldestFirst()].map(({ digest }) => digest);

function kept(...blobs: KeptBlob[]) {
  return {
    async *list() {
      yield* blobs;
    },
  };
}

describe("the usage of blobs", () => {
  it("that were pushed here is none of the cache's: they count to no cap and are never evicted", async () => {
    const { usage } = setUp(undefined, 1, (digest) => digest === a);
    const [size, usedAt] = [40, 500];
    await usage.load(kept({ digest: a, size, usedAt }, { digest: b, size, usedAt }));
    usage.added(a, 40);
    expect([usage.total, order(usage)]).toEqual([40, [b]]);
  });

  it("of 16,001 small manifests is what they take on the disk, not what they hold", async () => {
    const { usage } = setUp(undefined, 4_096);
    const digests = Array.from({ length: 16_001 }, (_, index) => digestOf(Buffer.from(`${index}`)));
    const blobs = digests.map((digest) => ({ digest, size: 419, usedAt: 500 }));
    await usage.load(kept(...blobs));
    expect(usage.total).toBe(16_001 * 4_096);
    for (const digest of digests) usage.added(digest, 419);
    expect(usage.total).toBe(16_001 * 4_096);
    for (const digest of digests) usage.removed(digest);
    expect(usage.total).toBe(0);
    usage.added(a, 4_097);
    expect(usage.total).toBe(8_192);
  });

  it("is in the order of the last use", () => {
    const { usage, clock } = setUp();
    usage.added(a, 10);
    usage.added(b, 20);
    clock.now = 2_000;
    usage.used(a);
    usage.used(c);
    expect(order(usage)).toEqual([b, a]);
    expect([usage.total, usage.count]).toEqual([30, 2]);
    usage.added(a, 5);
    usage.removed(b);
    usage.removed(b);
    expect([usage.total, order(usage)]).toEqual([5, [a]]);
    expect([usage.has(a), usage.has(b)]).toEqual([true, false]);
  });

  it("by a clock that was fast is younger than nothing that is used from now on", async () => {
    const { usage, records } = setUp();
    await records.set(`usage/${a}`, 1e12);
    const blobs = [a, b, c].map((digest) => ({ digest, size: 1, usedAt: 500 }));
    await usage.load(kept(...blobs));
    expect(order(usage)).toEqual([b, c, a]);
    usage.used(b);
    await usage.close();
    const again = setUp(records);
    again.clock.now = 2_000;
    await again.usage.load(kept(...blobs));
    expect(order(again.usage)).toEqual([c, a, b]);
  });

  it("keeps its order while the clock is set to and fro", () => {
    const { usage, clock } = setUp();
    for (const digest of [a, b, c]) usage.added(digest, 1);
    clock.now = 1e12;
    usage.used(a);
    clock.now = 0;
    usage.used(b);
    expect(order(usage)).toEqual([c, a, b]);
  });

  it("knows what is being read, however often it is closed", () => {
    const { usage } = setUp();
    usage.added(a, 1);
    const [first, second] = [usage.reading(a), usage.reading(a)];
    first();
    first();
    expect(usage.isRead(a)).toBe(true);
    second();
    expect(usage.isRead(a)).toBe(false);
  });

  it("survives a restart: our own word counts before the file system's", async () => {
    const { usage, records, clock } = setUp();
    usage.added(a, 1);
    clock.now = 2_000;
    usage.added(b, 2);
    usage.added(c, 3);
    usage.removed(c);
    await usage.close();
    const second = setUp(records).usage;
    const [x, y, z] = [a, b, c].map((digest, index) => ({
      digest,
      size: index + 1,
      usedAt: [9_000, 9_000, 1_500][index] ?? 0,
    })) as [KeptBlob, KeptBlob, KeptBlob];
    second.added(z.digest, 30);
    await second.load(kept(x, y, z));
    expect(order(second)).toEqual([a, b, c]);
    expect(second.total).toBe(33);
    expect(await records.get(`usage/${c}`)).toBeUndefined();
  });

  it("holds nobody up while it writes fifty thousand uses", async () => {
    const { usage, records } = setUp();
    let [atOnce, mostAtOnce, isWriting] = [0, 0, true];
    records.setMany = async (written) => {
      atOnce += written.length;
      mostAtOnce = Math.max(mostAtOnce, atOnce);
    };
    const others = (async () => {
      for (; isWriting; atOnce = 0) await setImmediate();
    })();
    for (let index = 0; index < 50_000; index += 1)
      usage.added(digestOf(Buffer.from(`${index}`)), 1);
    await usage.close();
    isWriting = false;
    await others;
    expect(mostAtOnce).toBeLessThanOrEqual(2_000);
  });

  it("goes on without records", async () => {
    const { usage, records, failures } = setUp();
    records.setMany = () => Promise.reject(new Error("no table"));
    records.list = () => {
      throw new Error("no table");
    };
    usage.start();
    usage.added(a, 1);
    await usage.load(kept({ digest: b, size: 2, usedAt: 5 }));
    await usage.close();
    expect(order(usage)).toEqual([b, a]);
    expect(failures).toEqual([
      expect.objectContaining({ kind: "recordsFailed" }),
      expect.objectContaining({ kind: "recordsFailed" }),
    ]);
  });
});
