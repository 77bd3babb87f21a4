import { describe, expect, it } from "vitest";
import { LengthSource, MemorySource } from "../../../src/cache/pull/memory-source.ts";

describe("bytes in memory", () => {
  it("are read at any offset, and end", async () => {
    const source = new MemorySource(Buffer.from("entrepot"));
    const buffer = Buffer.alloc(5);
    expect([source.size, await source.read(buffer, 5), buffer.toString("latin1", 0, 3)]).toEqual([
      8,
      3,
      "pot",
    ]);
    expect(await source.read(buffer, 8)).toBe(0);
    await source.close();
  });

  it("of which only the length is known cannot be read", async () => {
    const source = new LengthSource(8);
    expect(source.size).toBe(8);
    await expect(source.read()).rejects.toThrow(TypeError);
    await source.close();
  });
});
