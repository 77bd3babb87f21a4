import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { PassingBytes } from "../../src/download/passing-bytes.ts";
import { content } from "../cache/support/pulling.ts";

const kib = 1024;
const bytes = content(5 * kib * kib);
const { signal } = new AbortController();

/** Appends all of it in pieces; tells how far it is. */
function pour(passing: PassingBytes) {
  const poured = { written: 0, done: Promise.resolve() };
  poured.done = (async () => {
    for (let at = 0; at < bytes.length; at += 256 * kib) {
      await passing.append(bytes.subarray(at, at + 256 * kib));
      poured.written = at + 256 * kib;
    }
  })();
  return poured;
}

describe("bytes that pass", () => {
  it("come as far as two MiB beyond whom reads fastest, and then wait for him", async () => {
    const passing = new PassingBytes(signal);
    const poured = pour(passing);
    await nextTurn();
    expect(poured.written).toBe(2 * kib * kib);
    const buffer = Buffer.alloc(300 * kib);
    expect(await passing.read(buffer, 0)).toBe(buffer.length);
    expect(buffer.equals(bytes.subarray(0, buffer.length))).toBe(true);
    await nextTurn();
    expect(poured.written).toBe(2 * kib * kib + 256 * kib);
    passing.awaited(bytes.length);
    await poured.done;
  });

  it("are there for who is two MiB slower than the fastest", async () => {
    const passing = new PassingBytes(signal);
    const poured = pour(passing);
    passing.awaited(2 * kib * kib);
    await nextTurn();
    expect(poured.written).toBe(4 * kib * kib);
    expect(await passing.read(Buffer.alloc(100), 0)).toBe(100);
    passing.awaited(bytes.length);
    await poured.done;
  });

  it("are gone for whoever is too slow", async () => {
    const passing = new PassingBytes(signal);
    passing.awaited(Number.POSITIVE_INFINITY);
    await pour(passing).done;
    const buffer = Buffer.alloc(100);
    await expect(passing.read(buffer, 0)).rejects.toMatchObject({ code: "IO" });
    expect(await passing.read(buffer, bytes.length - 50)).toBe(50);
    expect(buffer.subarray(0, 50).equals(bytes.subarray(-50))).toBe(true);
  });

  it("are copies: the sender may use its memory again", async () => {
    const passing = new PassingBytes(signal);
    const piece = Buffer.from("before");
    await passing.append(piece);
    piece.fill("x");
    const buffer = Buffer.alloc(6);
    await passing.read(buffer, 0);
    expect(buffer.toString()).toBe("before");
  });

  it("wait for nobody any more once they are told to stop, and are gone once closed", async () => {
    const stop = new AbortController();
    const passing = new PassingBytes(stop.signal);
    const poured = pour(passing);
    await nextTurn();
    stop.abort();
    await expect(poured.done).rejects.toMatchObject({ code: "ABANDONED" });
    passing.close();
    await expect(passing.read(Buffer.alloc(1), 0)).rejects.toMatchObject({ code: "IO" });
  });
});
