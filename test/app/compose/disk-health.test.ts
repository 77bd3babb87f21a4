import { describe, expect, it, onTestFinished } from "vitest";
import { DiskHealth } from "../../../src/app/compose/disk-health.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import { eventually } from "../../support/eventually.ts";
import { MemoryBlobStore } from "../../support/memory-blob-store.ts";

/** A disk that is full until it is told otherwise. */
function setUp() {
  const store = new MemoryBlobStore();
  const disk = { isFull: true, isPaused: false, asked: 0 };
  const create = () => {
    if (disk.isFull) throw new StoreError("FULL", "cannot create it: no room left on the volume");
    return store.create();
  };
  const health = new DiskHealth({
    blobs: { create: async () => create() },
    isPaused: () => {
      disk.asked += 1;
      return disk.isPaused;
    },
    interval: 5,
  });
  onTestFinished(() => health.close());
  return { disk, health, fail: () => health.failed(full) };
}

const full = new StoreError("FULL", "cannot write it: no room left on the volume");

describe("the disk's health", () => {
  it("is good until something fails, and says what did", () => {
    const { health, fail } = setUp();
    expect(health.degraded).toEqual([]);
    fail();
    expect(health.degraded).toEqual([
      "the disk fails (cannot write it: no room left on the volume); pulls go on, but nothing new is kept",
    ]);
  });

  it("comes back by itself once a trial write succeeds", async () => {
    const { health, disk, fail } = setUp();
    fail();
    disk.isFull = false;
    await eventually(() => expect(health.degraded).toEqual([]));
    disk.isFull = true;
    fail();
    expect(health.degraded).toHaveLength(1);
  });

  it("stays bad while the disk is left alone", async () => {
    const { health, disk, fail } = setUp();
    disk.isPaused = true;
    fail();
    disk.isFull = false;
    await eventually(() => expect(disk.asked).toBeGreaterThan(2));
    expect(health.degraded).toHaveLength(1);
    disk.isPaused = false;
    await eventually(() => expect(health.degraded).toEqual([]));
  });

  it("is good again at once when a blob is kept", () => {
    const { health, fail } = setUp();
    fail();
    health.recovered();
    expect(health.degraded).toEqual([]);
  });
});
