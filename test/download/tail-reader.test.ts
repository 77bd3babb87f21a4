import { describe, expect, it } from "vitest";
import type { Lonely } from "../../src/download/alone.ts";
import { DownloadError } from "../../src/download/download-error.ts";
import { OwnRange } from "../../src/download/own-range.ts";
import type { OwnWay } from "../../src/download/own-way.ts";
import { Progress } from "../../src/download/progress.ts";
import { TailReader, type TailReaderParts } from "../../src/download/tail-reader.ts";
import { digestOf } from "../../src/protocol/digest.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { askFor, content, openerOf, readAll, registry } from "../cache/support/pulling.ts";
import { ScriptedRegistry } from "../cache/support/scripted-registry.ts";
import { runningHash } from "../support/running-hash.ts";
import { TestClock } from "../support/test-clock.ts";

const bytes = content(200_000);
const forever = new AbortController().signal;

/** A file that grows when the test says so, and breaks when it says so. */
function scene(change: Partial<TailReaderParts> = {}) {
  const disk: { failure?: StoreError } = {};
  let reads = 0;
  const progress = new Progress();
  const read = async (buffer: Uint8Array, position: number): Promise<number> => {
    reads += 1;
    if (disk.failure !== undefined) throw disk.failure;
    return bytes.copy(buffer, 0, position, progress.endOf(position));
  };
  const wait: Progress["wait"] = (want, signal) => progress.wait(want, signal);
  progress.declare(bytes.length);
  const upstream = new ScriptedRegistry(bytes);
  const goOn = async ({ where }: Lonely): Promise<OwnRange> => {
    const upTo = (position: number) => ({
      position,
      hash: runningHash(bytes.subarray(0, position)),
    });
    return new OwnRange({
      digest: digestOf(bytes),
      start: upTo(where === "end" ? progress.written : 0),
      given: upTo(progress.written),
      readFile: read,
      upstream: {
        open: (offset, signal) => openerOf(upstream)(askFor(digestOf(bytes)), offset, signal),
        host: registry().name,
        size: progress.size,
        onBreak: () => undefined,
        clock: new TestClock(),
      },
    });
  };
  let closes = 0;
  const reader = new TailReader({
    blob: { progress, read, wait },
    check: () => undefined,
    goOn,
    onClosed: () => {
      closes += 1;
    },
    ...change,
  });
  return { progress, reader, upstream, disk, reads: () => reads, closes: () => closes };
}

describe("a tail reader", () => {
  it("reads what is there at once, and waits for more", async () => {
    const { progress, reader } = scene();
    progress.add(progress.written, 1_000);
    const buffer = Buffer.alloc(4_000);
    expect(await reader.read(buffer, 0, forever)).toBe(1_000);
    const more = reader.read(buffer, 1_000, forever);
    progress.add(progress.written, 1_500);
    expect(await more).toBe(500);
    expect(buffer.subarray(0, 500).equals(bytes.subarray(1_000, 1_500))).toBe(true);
    await reader.close();
  });

  it("ends with 0 only at the verified end", async () => {
    const { progress, reader } = scene();
    progress.add(progress.written, bytes.length);
    const held = bytes.length - 64 * 1024;
    const tail = reader.read(Buffer.alloc(10), held, forever);
    progress.complete();
    expect(await tail).toBe(10);
    expect(await reader.read(Buffer.alloc(10), bytes.length, forever)).toBe(0);
    expect(await reader.read(Buffer.alloc(10), bytes.length + 5, forever)).toBe(0);
    await reader.close();
  });

  it("that is closed while it looks for its own way leaves that closed too", async () => {
    const found = Promise.withResolvers<OwnWay>();
    let closes = 0;
    const own: OwnWay = {
      size: undefined,
      read: async () => expect.unreachable("nobody reads"),
      close: async () => {
        closes += 1;
      },
    };
    const { progress, reader, disk } = scene({ goOn: () => found.promise });
    progress.add(progress.written, 1_000);
    disk.failure = new StoreError("IO", "unreadable");
    const read = reader.read(Buffer.alloc(10), 0, forever);
    await Promise.resolve();
    const closing = reader.close();
    found.resolve(own);
    await closing;
    await expect(read).rejects.toMatchObject({ code: "ABANDONED" });
    expect(closes).toBe(1);
  });

  it("ends with the download's error, after what was released", async () => {
    const { progress, reader } = scene();
    progress.add(progress.written, 1_000);
    progress.fail(new DownloadError("WRONG_DIGEST", "wrong"));
    expect(await reader.read(Buffer.alloc(4_000), 0, forever)).toBe(1_000);
    await expect(reader.read(Buffer.alloc(1), 1_000, forever)).rejects.toMatchObject({
      code: "WRONG_DIGEST",
    });
    await reader.close();
  });

  it("touches no disk while it waits, and leaves at its signal", async () => {
    const { progress, reader, reads } = scene();
    progress.add(progress.written, 5);
    const leaving = new AbortController();
    const wait = reader.read(Buffer.alloc(1), 5, leaving.signal);
    leaving.abort();
    await expect(wait).rejects.toMatchObject({ code: "ABORTED" });
    expect(reads()).toBe(0);
    await reader.close();
  });

  it("goes on upstream from where a full disk stopped", async () => {
    const { progress, reader, upstream } = scene();
    progress.add(progress.written, 50_000);
    progress.fail(new DownloadError("DISK", "full"));
    expect((await readAll(reader)).equals(bytes)).toBe(true);
    expect(upstream.seen[0]?.request.headers.get("range")).toEqual(["bytes=50000-"]);
    await reader.close();
  });

  it("starts over upstream when the file cannot be read", async () => {
    const { progress, reader, upstream, disk } = scene();
    progress.add(progress.written, 50_000);
    expect(await readAll(reader, { to: 20_000 })).toHaveLength(20_000);
    disk.failure = new StoreError("IO", "broken");
    expect((await readAll(reader, { from: 20_000 })).equals(bytes.subarray(20_000))).toBe(true);
    expect(upstream.seen[0]?.request.headers.get("range")).toBeUndefined();
    await reader.close();
  });

  it("passes the disk's error on where there is no other way", async () => {
    const { progress, reader, disk } = scene({ goOn: undefined });
    progress.add(progress.written, 50_000);
    disk.failure = new StoreError("IO", "broken");
    await expect(readAll(reader)).rejects.toBe(disk.failure);
    await reader.close();
  });

  it("reads no more once it may not, even while it waits", async () => {
    let mayRead = true;
    const { progress, reader } = scene({
      check: () => {
        if (!mayRead) throw new DownloadError("WRONG_LENGTH", "no more");
      },
    });
    const wait = reader.read(Buffer.alloc(1), 0, forever);
    mayRead = false;
    progress.wake();
    await expect(wait).rejects.toMatchObject({ code: "WRONG_LENGTH" });
    await reader.close();
  });

  it("gets a part while nobody knows whether the whole is right, and no byte beyond it", async () => {
    const { progress, reader } = scene({ from: 199_000, to: 199_500 });
    progress.add(199_000, 200_000);
    const part = await readAll(reader, { from: 199_000, to: 199_500 });
    expect(part.equals(bytes.subarray(199_000, 199_500))).toBe(true);
    expect(reader.want).toMatchObject({ start: 199_000, end: 199_500, isPart: true });
    const leaving = new AbortController();
    const beyond = reader.read(Buffer.alloc(1), 199_500, leaving.signal);
    leaving.abort();
    await expect(beyond).rejects.toMatchObject({ code: "ABORTED" });
    await reader.close();
  });

  it.each([
    ["begins at byte 0", 0, 200_000],
    ["goes on to whatever the end is", 150_000, undefined],
  ])("waits for the digest with the end of what %s", async (_, from, to) => {
    const { progress, reader } = scene({ from, to });
    progress.add(0, bytes.length);
    const leaving = new AbortController();
    const tail = reader.read(Buffer.alloc(1), 199_000, leaving.signal);
    leaving.abort();
    await expect(tail).rejects.toMatchObject({ code: "ABORTED" });
    progress.complete();
    expect(await reader.read(Buffer.alloc(1), 199_000, forever)).toBe(1);
    await reader.close();
  });

  it("closes once", async () => {
    const { reader, closes } = scene();
    await reader.close();
    await reader.close();
    expect(closes()).toBe(1);
    await expect(reader.read(Buffer.alloc(1), 0, forever)).rejects.toMatchObject({
      code: "ABANDONED",
    });
  });
});
