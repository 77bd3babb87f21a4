import { describe, expect, it } from "vitest";
import { ownBytes } from "../../src/runtime/own-bytes.ts";
import { amongOthers, memoryOf } from "../support/memory-of.ts";

describe("bytes that are kept", () => {
  it("have memory of their own, and are copied for that once at most", () => {
    const slice = amongOthers("small");
    expect(memoryOf([slice])).toBeGreaterThan(1_000);
    const own = ownBytes(slice);
    expect(own.toString()).toBe("small");
    expect(memoryOf([own])).toBe(5);
    expect(ownBytes(own).buffer).toBe(own.buffer);
    slice.fill(0);
    expect(own.toString()).toBe("small");
    expect(ownBytes(new Uint8Array())).toHaveLength(0);
  });
});
