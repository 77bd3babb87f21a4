import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { CacheEvent } from "../../../src/cache/cache-event.ts";
import { WriteBreaker } from "../../../src/cache/keeping/write-breaker.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import { eventually } from "../../support/eventually.ts";
import { MemoryBlobStore } from "../../support/memory-blob-store.ts";
import { TestClock } from "../../support/test-clock.ts";

const readOnly = new StoreError("IO", "EROFS");

function setUp() {
  const store = new MemoryBlobStore();
  const disk: { failure: Error | undefined; tried: number } = { failure: readOnly, tried: 0 };
  const create = async () => {
    disk.tried += 1;
    if (disk.failure !== undefined) throw disk.failure;
    return store.create();
  };
  const clock = new TestClock();
  const events: CacheEvent[] = [];
  const observe = (event: CacheEvent): void => void events.push(event);
  const breaker = new WriteBreaker({ blobs: { create }, observe, clock });
  const fail = (times: number, error: Error = readOnly): void => {
    for (let count = 0; count < times; count += 1) breaker.failed(error);
  };
  return { disk, clock, events, breaker, fail };
}

describe("the write breaker", () => {
  it("opens at the fifth failure in a row, and says so once", () => {
    const { breaker, fail, events } = setUp();
    fail(4);
    breaker.succeeded();
    fail(4);
    expect(breaker.isOpen).toBe(false);
    fail(20);
    expect(breaker.isOpen).toBe(true);
    expect(events).toEqual([{ kind: "writesPaused", error: readOnly }]);
    breaker.close();
  });

  it("tries the disk every 30 s, and closes when it works again", async () => {
    const { breaker, fail, events, clock, disk } = setUp();
    fail(5);
    for (const tried of [1, 2]) {
      clock.pass(30_000);
      await eventually(() => expect([disk.tried, clock.waiting]).toEqual([tried, 1]));
      expect(breaker.isOpen).toBe(true);
    }
    disk.failure = undefined;
    clock.pass(30_000);
    await eventually(() => expect(breaker.isOpen).toBe(false));
    expect(events.map(({ kind }) => kind)).toEqual(["writesPaused", "writesResumed"]);
    expect(clock.waiting).toBe(0);
  });

  it("opens at the first failure after that, unless something was kept meanwhile", async () => {
    const { breaker, fail, clock, disk } = setUp();
    const recover = async (): Promise<void> => {
      disk.failure = undefined;
      clock.pass(30_000);
      await eventually(() => expect(breaker.isOpen).toBe(false));
    };
    fail(5);
    await recover();
    fail(1);
    expect(breaker.isOpen).toBe(true);
    await recover();
    breaker.succeeded();
    fail(4);
    expect(breaker.isOpen).toBe(false);
  });

  it("tries a full disk every other second: room comes back soon", async () => {
    const { breaker, fail, clock, disk } = setUp();
    fail(5, new StoreError("FULL", "ENOSPC"));
    disk.failure = undefined;
    clock.pass(2_000);
    await eventually(() => expect(breaker.isOpen).toBe(false));
  });

  it("does not take too many open files for a broken disk", () => {
    const { breaker, fail } = setUp();
    const cause = Object.assign(new Error("too many"), { code: "EMFILE" });
    fail(10, new StoreError("IO", "cannot create it", { cause }));
    expect(breaker.isOpen).toBe(false);
  });

  it("leaves nothing behind when it is closed", async () => {
    const { breaker, fail, clock, disk, events } = setUp();
    fail(5);
    clock.pass(30_000);
    breaker.close();
    await nextTurn();
    expect([disk.tried, clock.waiting, events.length]).toEqual([1, 0, 1]);
    fail(5);
    expect(breaker.isOpen).toBe(false);
  });
});
