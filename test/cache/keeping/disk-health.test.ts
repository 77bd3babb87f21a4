import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { CacheEvent } from "../../../src/cache/cache-event.ts";
import { DiskHealth, GuardedDrafts } from "../../../src/cache/keeping/disk-health.ts";
import { digestOf } from "../../../src/protocol/digest.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import { eventually } from "../../support/eventually.ts";
import { MemoryBlobStore } from "../../support/memory-blob-store.ts";
import { TestClock } from "../../support/test-clock.ts";

const readOnly = new StoreError("IO", "EROFS");
const full = new StoreError("FULL", "cannot write it: no room left on the volume");

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
  const blamed: unknown[] = [];
  const makeRoom = (error: unknown): void => void blamed.push(error);
  const health = new DiskHealth({ drafts: { create }, observe, makeRoom, clock });
  const fail = (times: number, error: Error = readOnly): void => {
    for (let count = 0; count < times; count += 1) health.writeFailed(error);
  };
  return { disk, clock, events, blamed, health, fail };
}

describe("the disk's health", () => {
  it("pauses writes at the fifth failure in a row, and says so once", () => {
    const { health, fail, events } = setUp();
    fail(4);
    health.writeSucceeded();
    fail(4);
    expect(health.isPaused).toBe(false);
    fail(20);
    expect(health.isPaused).toBe(true);
    expect(events).toEqual([{ kind: "writesPaused", error: readOnly }]);
    health.close();
  });

  it("is not taken for good by a blob that was begun before it failed", async () => {
    const { health, fail } = setUp();
    const blobs = new MemoryBlobStore();
    const drafts = new GuardedDrafts(blobs, health);
    const bytes = Buffer.from("begun while all was well");
    const draft = await drafts.create();
    await draft.write(bytes, 0);
    fail(4);
    await draft.commit(digestOf(bytes));
    await draft.close();
    expect(health.degraded).toHaveLength(1);
    fail(1);
    expect(health.isPaused).toBe(true);
    health.close();
  });

  it("tries a paused disk every 30 s, and resumes when it works again", async () => {
    const { health, fail, events, clock, disk } = setUp();
    fail(5);
    for (const tried of [1, 2]) {
      clock.pass(30_000);
      await eventually(() => expect([disk.tried, clock.waiting]).toEqual([tried, 1]));
      expect(health.isPaused).toBe(true);
    }
    disk.failure = undefined;
    clock.pass(30_000);
    await eventually(() => expect(health.isPaused).toBe(false));
    expect(events.map(({ kind }) => kind)).toEqual(["writesPaused", "writesResumed"]);
    expect(clock.waiting).toBe(0);
  });

  it("pauses again at the first failure after that, unless something was kept meanwhile", async () => {
    const { health, fail, clock, disk } = setUp();
    const recover = async (): Promise<void> => {
      disk.failure = undefined;
      clock.pass(30_000);
      await eventually(() => expect(health.isPaused).toBe(false));
    };
    fail(5);
    await recover();
    fail(1);
    expect(health.isPaused).toBe(true);
    await recover();
    health.writeSucceeded();
    fail(4);
    expect(health.isPaused).toBe(false);
  });

  it("tries a full disk every other second: room comes back soon", async () => {
    const { health, fail, clock, disk } = setUp();
    fail(5, new StoreError("FULL", "ENOSPC"));
    disk.failure = undefined;
    clock.pass(2_000);
    await eventually(() => expect(health.isPaused).toBe(false));
  });

  it("does not take too many open files for a broken disk", () => {
    const { health, fail } = setUp();
    const cause = Object.assign(new Error("too many"), { code: "EMFILE" });
    fail(10, new StoreError("IO", "cannot create it", { cause }));
    expect(health.isPaused).toBe(false);
  });

  it("leaves nothing behind when it is closed", async () => {
    const { health, fail, clock, disk, events } = setUp();
    fail(5);
    clock.pass(30_000);
    health.close();
    await nextTurn();
    expect([disk.tried, clock.waiting, events.length]).toEqual([1, 0, 1]);
    fail(5);
    expect(health.isPaused).toBe(false);
  });

  it("is good until something fails, and says what did", () => {
    const { health, blamed, fail } = setUp();
    expect(health.degraded).toEqual([]);
    fail(1, full);
    expect(health.degraded).toEqual([
      "the disk fails (cannot write it: no room left on the volume); pulls go on, but nothing new is kept",
    ]);
    expect(blamed).toEqual([full]);
  });

  it("comes back by itself once a trial write succeeds", async () => {
    const { health, disk, clock, fail } = setUp();
    fail(1);
    clock.pass(2_000);
    await eventually(() => expect([disk.tried, clock.waiting]).toEqual([1, 1]));
    expect(health.degraded).toHaveLength(1);
    disk.failure = undefined;
    clock.pass(2_000);
    await eventually(() => expect(health.degraded).toEqual([]));
    expect(clock.waiting).toBe(0);
    disk.failure = readOnly;
    fail(1);
    expect(health.degraded).toHaveLength(1);
  });

  it("stays bad while the disk is left alone", async () => {
    const { health, disk, clock, fail } = setUp();
    fail(5);
    disk.failure = undefined;
    clock.pass(2_000);
    health.writeSucceeded();
    expect([disk.tried, health.degraded.length]).toEqual([0, 1]);
    clock.pass(30_000);
    await eventually(() => expect(health.degraded).toEqual([]));
  });

  it("is good again at once when a blob is kept", () => {
    const { health, clock, fail } = setUp();
    fail(1);
    health.writeSucceeded();
    expect(health.degraded).toEqual([]);
    expect(clock.waiting).toBe(0);
  });

  it("asks for no room for 5 s after it could not be made, and takes writes all the same", () => {
    const { health, clock, events } = setUp();
    health.roomFailed();
    expect([health.isQuiet, health.isPaused, health.degraded]).toEqual([true, false, []]);
    clock.pass(5_000);
    expect([health.isQuiet, clock.waiting, events]).toEqual([false, 0, []]);
  });
});
