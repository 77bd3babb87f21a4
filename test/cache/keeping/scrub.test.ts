import { describe, expect, it } from "vitest";
import type { CacheEvent } from "../../../src/cache/cache-event.ts";
import { Scrub } from "../../../src/cache/keeping/scrub.ts";
import { type Digest, digestOf } from "../../../src/protocol/digest.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import { eventually } from "../../support/eventually.ts";
import { MemoryBlobStore } from "../../support/memory-blob-store.ts";
import { MemoryRecordStore } from "../../support/memory-record-store.ts";
import { noBooks } from "../../support/no-books.ts";
import { TestClock } from "../../support/test-clock.ts";

const { signal } = new AbortController();

async function setUp(interval = 0) {
  const blobs = new MemoryBlobStore();
  const records = new MemoryRecordStore();
  const events: CacheEvent[] = [];
  const verified: Digest[] = [];
  blobs.markVerified = (digest?: Digest) => {
    if (digest !== undefined) verified.push(digest);
  };
  const clock = new TestClock();
  const observe = (event: CacheEvent): void => void events.push(event);
  const now = () => 1_000_000_000;
  const scrub = new Scrub({
    books: noBooks,
    blobs,
    records,
    observe,
    clock,
    now,
    interval,
    rate: 10 * 1024 * 1024,
  });
  const keep = async (bytes: Buffer, digest = digestOf(bytes)): Promise<Digest> => {
    const draft = await blobs.create();
    await draft.write(bytes, draft.written);
    await draft.commit(digest);
    await draft.close();
    return digest;
  };
  const list = blobs.list.bind(blobs);
  /** As after an unclean stop: these have not been hashed since. */
  const doubt = (...digests: Digest[]): void => {
    blobs.list = async function* () {
      for await (const blob of list())
        yield {
          ...blob,
          isVerified: verified.includes(blob.digest) || !digests.includes(blob.digest),
        };
    };
  };
  return { blobs, records, events, verified, clock, scrub, keep, doubt };
}

describe("a scrub", () => {
  it("finds the one flipped byte, takes the blob out of service and trusts the others", async () => {
    const { blobs, events, verified, scrub, keep } = await setUp();
    const good = [await keep(Buffer.alloc(700_000, 1)), await keep(Buffer.alloc(0))];
    const long = Buffer.from("sha512");
    good.push(await keep(long, digestOf(long, "sha512")));
    const rotten = Buffer.alloc(300_000, 2);
    const digest = digestOf(rotten);
    rotten[123_456] = 3;
    await keep(rotten, digest);
    expect(await scrub.run(signal)).toEqual({ blobs: 4, bytes: 1_000_006, corrupted: 1 });
    expect(await blobs.stat(digest)).toBeUndefined();
    expect(verified.sort()).toEqual(good.sort());
    expect(events).toEqual([
      { kind: "blobCorrupted", digest, foundBy: "scrub" },
      { kind: "scrubFinished", blobs: 4, bytes: 1_000_006, corrupted: 1 },
    ]);
  });

  it("rests so that it reads no faster than it may", async () => {
    const { clock, scrub, keep } = await setUp();
    await keep(Buffer.alloc(4 * 1024 * 1024));
    await scrub.run(signal);
    expect(clock.pauses).toEqual([100, 100, 100, 100]);
  });

  it("tells of a blob that cannot be read, leaves it, and goes on", async () => {
    const { blobs, events, scrub, keep } = await setUp();
    const bad = await keep(Buffer.from("bad sector"));
    await keep(Buffer.from("fine"));
    const open = blobs.open.bind(blobs);
    blobs.open = (digest) =>
      digest === bad ? Promise.reject(new StoreError("IO", "EIO")) : open(digest);
    expect(await scrub.run(signal)).toEqual({ blobs: 1, bytes: 4, corrupted: 0 });
    expect(events[0]).toMatchObject({ kind: "diskFailed" });
    expect(await blobs.stat(bad)).toBeDefined();
  });

  it("runs again and again, the first time not before the process has settled", async () => {
    const { clock, records, events, scrub, keep } = await setUp(3_600_000);
    await keep(Buffer.from("fine"));
    scrub.start();
    await eventually(() => expect(clock.pauses).toEqual([60_000]));
    clock.pass(60_000);
    await eventually(() => expect(clock.pauses).toEqual([60_000, 0, 3_600_000]));
    expect(events.map(({ kind }) => kind)).toEqual(["scrubFinished"]);
    expect(await records.get("scrub/finished")).toBe(1_000_000_000);
    await scrub.close();
    expect(clock.waiting).toBe(0);
  });

  it("does not start over because of a restart", async () => {
    const { clock, records, scrub } = await setUp(3_600_000);
    await records.set("scrub/finished", 1_000_000_000 - 600_000);
    scrub.start();
    await eventually(() => expect(clock.waiting).toBe(1));
    clock.pass(60_000);
    await eventually(() => expect(clock.pauses).toEqual([60_000, 3_000_000]));
    await scrub.close();
  });

  it.each([
    ["in what is now the future", 9_000_000_000_000, 3_600_000],
    ["in 1970", 1_000, 0],
  ])("waits no longer than usual when the last round ended %s", async (_, at, wait) => {
    const { clock, records, scrub } = await setUp(3_600_000);
    await records.set("scrub/finished", at);
    scrub.start();
    await eventually(() => expect(clock.waiting).toBe(1));
    clock.pass(60_000);
    await eventually(() => expect(clock.pauses.slice(0, 2)).toEqual([60_000, wait]));
    await scrub.close();
  });

  it("hashes what an unclean stop left in doubt soon after the start, though no round is due", async () => {
    const { clock, records, events, verified, scrub, keep, doubt } = await setUp(3_600_000);
    await records.set("scrub/finished", 1_000_000_000 - 600_000);
    const [right, doubtful] = [await keep(Buffer.from("right")), await keep(Buffer.from("doubt"))];
    doubt(doubtful);
    scrub.start();
    await eventually(() => expect(clock.waiting).toBe(1));
    clock.pass(60_000);
    await eventually(() => expect(clock.pauses).toEqual([60_000, 3_000_000]));
    expect(verified).toEqual([doubtful]);
    expect(events).toEqual([{ kind: "scrubFinished", blobs: 1, bytes: 5, corrupted: 0 }]);
    await scrub.run(signal);
    expect(verified).toEqual([doubtful, right, doubtful]);
    await scrub.close();
  });

  it("begins a round with what is in doubt", async () => {
    const { verified, scrub, keep, doubt } = await setUp();
    const first = await keep(Buffer.from("1"));
    const [second, third] = [await keep(Buffer.from("2")), await keep(Buffer.from("3"))];
    doubt(third);
    expect(await scrub.run(signal)).toEqual({ blobs: 3, bytes: 3, corrupted: 0 });
    expect(verified).toEqual([third, first, second]);
  });

  it("leaves right bytes alone that came while it hashed wrong ones", async () => {
    const { blobs, events, scrub, keep } = await setUp();
    const bytes = Buffer.from("fetched anew");
    const digest = await keep(Buffer.from("rotten"), digestOf(bytes));
    const open = blobs.open.bind(blobs);
    blobs.open = async (wanted) => {
      const reader = await open(wanted);
      await keep(bytes);
      return reader;
    };
    expect(await scrub.run(signal)).toEqual({ blobs: 0, bytes: 0, corrupted: 0 });
    expect(await blobs.stat(digest)).toMatchObject({ size: bytes.length });
    expect(events.map(({ kind }) => kind)).toEqual(["scrubFinished"]);
  });

  it("never runs when it is turned off, and stops when it is told to", async () => {
    const { clock, scrub, keep } = await setUp(0);
    scrub.start();
    await scrub.close();
    expect(clock.pauses).toEqual([]);
    await keep(Buffer.from("fine"));
    await expect(scrub.run(AbortSignal.abort(new Error("stop")))).rejects.toThrow("stop");
  });
});
