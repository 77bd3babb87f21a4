import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { memorySource } from "../../../src/cache/pull/memory-source.ts";

const { signal } = new AbortController();

describe("bytes in memory", () => {
  it("are sent as they are while they are few", async () => {
    const bytes = randomBytes(64 * 1024);
    const source = memorySource(bytes, () => Promise.reject(new Error("not asked for")));
    expect(source.bytes).toBe(bytes);
    const part = Buffer.alloc(10);
    expect(await source.read(part, 100, signal)).toBe(10);
    expect(part.equals(bytes.subarray(100, 110))).toBe(true);
  });

  it("of a large manifest are held by no reader, however slow", async () => {
    const bytes = randomBytes(64 * 1024 + 1);
    let looked = 0;
    const source = memorySource(bytes, async () => {
      looked += 1;
      return bytes;
    });
    expect(source.bytes).toBeUndefined();
    const whole = Buffer.alloc(bytes.length);
    let at = 0;
    while (at < whole.length) at += await source.read(whole.subarray(at, at + 65_536), at, signal);
    expect(whole.equals(bytes)).toBe(true);
    expect(looked).toBe(2);
    expect(await source.read(Buffer.alloc(10), bytes.length, signal)).toBe(0);
  });

  it("that are gone meanwhile cut the reader, and never end it cleanly", async () => {
    const source = memorySource(randomBytes(300_000), () => Promise.resolve(undefined));
    await expect(source.read(Buffer.alloc(10), 0, signal)).rejects.toThrow("the bytes are gone");
  });
});
