import { describe, expect, it } from "vitest";
import { Batches } from "../../src/download/batches.ts";
import { type Clock, systemClock } from "../../src/runtime/clock.ts";
import { content } from "../cache/support/pulling.ts";

const kib = 1024;

/** A disk that writes when the test lets it, and a clock the test moves. */
class SlowDisk {
  readonly batches: Buffer[] = [];
  /** Bytes of memory behind each. */
  readonly rooms: number[] = [];
  readonly #writes: PromiseWithResolvers<void>[] = [];
  #ring: (() => void) | undefined;

  readonly clock: Clock = {
    ...systemClock,
    random: () => 0,
    after: (_, act) => {
      this.#ring = act;
      return () => {
        this.#ring = undefined;
      };
    },
  };

  readonly write = (batch: Uint8Array): Promise<void> => {
    this.batches.push(Buffer.from(batch));
    this.rooms.push(batch.buffer.byteLength);
    const write = Promise.withResolvers<void>();
    this.#writes.push(write);
    return write.promise;
  };

  get sizes(): number[] {
    return this.batches.map((batch) => batch.length);
  }

  get isTimed(): boolean {
    return this.#ring !== undefined;
  }

  async finish(error?: Error): Promise<void> {
    const write = this.#writes.shift();
    if (error === undefined) write?.resolve();
    else write?.reject(error);
    await new Promise(setImmediate);
  }

  tenMilliseconds(): void {
    this.#ring?.();
  }
}

describe("batches", () => {
  it("write the first byte at once and what comes meanwhile together", async () => {
    const disk = new SlowDisk();
    const batches = new Batches(disk.write, disk.clock);
    const bytes = content(100 * kib);
    await batches.put(bytes.subarray(0, 1));
    for (let at = 1; at < bytes.length; at += 10_000) {
      await batches.put(bytes.subarray(at, at + 10_000));
    }
    expect(disk.sizes).toEqual([1]);
    await disk.finish();
    expect(disk.sizes).toEqual([1, bytes.length - 1]);
    const drained = batches.drain();
    await disk.finish();
    await drained;
    expect(Buffer.concat(disk.batches).equals(bytes)).toBe(true);
  });

  it("give the first bytes no more room than they take, and the others a whole buffer", async () => {
    const disk = new SlowDisk();
    const batches = new Batches(disk.write, disk.clock);
    for (const length of [100, 5_000, 64 * kib, 64 * kib]) {
      await batches.put(content(length));
      disk.tenMilliseconds();
      await disk.finish();
    }
    expect(disk.rooms).toEqual([100, ...Array(3).fill(256 * kib)]);
    await batches.stop();
  });

  it("then wait for 64 KiB or 10 ms", async () => {
    const disk = new SlowDisk();
    const batches = new Batches(disk.write, disk.clock);
    await batches.put(content(1));
    await disk.finish();
    await batches.put(content(64 * kib - 1));
    expect(disk.sizes).toEqual([1]);
    expect(disk.isTimed).toBe(true);
    await batches.put(content(1));
    expect(disk.sizes).toEqual([1, 64 * kib]);
    expect(disk.isTimed).toBe(false);
    await disk.finish();
    await batches.put(content(3));
    disk.tenMilliseconds();
    expect(disk.sizes).toEqual([1, 64 * kib, 3]);
    await disk.finish();
    await batches.stop();
  });

  it("hold back who brings more than two buffers hold, and lose nothing", async () => {
    const disk = new SlowDisk();
    const batches = new Batches(disk.write, disk.clock);
    const bytes = content(700 * kib);
    let isTaken = false;
    const putAll = async (): Promise<void> => {
      for (let at = 0; at < bytes.length; at += 100 * kib)
        await batches.put(bytes.subarray(at, at + 100 * kib));
      isTaken = true;
      await batches.drain();
    };
    const putting = putAll();
    await new Promise(setImmediate);
    expect(isTaken).toBe(false);
    while (disk.sizes.reduce((sum, size) => sum + size, 0) < bytes.length) await disk.finish();
    await disk.finish();
    await putting;
    expect(Buffer.concat(disk.batches).equals(bytes)).toBe(true);
    expect(Math.max(...disk.sizes)).toBe(256 * kib);
  });

  it("write a large piece as it is, behind what was gathered, and more than 1 MiB in parts", async () => {
    const disk = new SlowDisk();
    const batches = new Batches(disk.write, disk.clock);
    const bytes = content(3_000 * kib);
    let isTaken = false;
    const putAll = async (): Promise<void> => {
      for (const [from, to] of [
        [0, 1],
        [1, 1_000],
        [1_000, 700_000],
        [700_000, bytes.length],
      ])
        await batches.put(bytes.subarray(from, to));
      isTaken = true;
    };
    const putting = putAll();
    while (!isTaken) await disk.finish();
    await putting;
    const mib = 1024 * kib;
    const rest = bytes.length - 700_000 - 2 * mib;
    expect(disk.sizes).toEqual([1, 999, 699_000, mib, mib, rest]);
    expect(disk.rooms.slice(2)).toEqual(Array(4).fill(bytes.buffer.byteLength));
    expect(Buffer.concat(disk.batches).equals(bytes)).toBe(true);
  });

  it("tell of a failed write at the next put, and at the end", async () => {
    const disk = new SlowDisk();
    const batches = new Batches(disk.write, disk.clock);
    await batches.put(content(1));
    await disk.finish(new Error("no room"));
    await expect(batches.put(content(1))).rejects.toThrow("no room");
    const others = new Batches(disk.write, disk.clock);
    await others.put(content(1));
    const drained = expect(others.drain()).rejects.toThrow("no room");
    await disk.finish(new Error("no room"));
    await drained;
    await others.stop();
  });

  it("stop when the write under way is done, and write nothing more", async () => {
    const disk = new SlowDisk();
    const batches = new Batches(disk.write, disk.clock);
    await batches.put(content(1));
    await batches.put(content(100_000));
    const stopped = batches.stop();
    await disk.finish();
    await stopped;
    expect(disk.sizes).toEqual([1]);
    expect(disk.isTimed).toBe(false);
  });
});
