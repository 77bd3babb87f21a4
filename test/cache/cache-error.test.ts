import { describe, expect, it } from "vitest";
import { CacheError, isCacheError } from "../../src/cache/cache-error.ts";

describe("a cache error", () => {
  it("is told from others by its code", () => {
    const error = new CacheError("DISK", "the disk", { cause: new Error("below") });
    expect(isCacheError(error, "WRONG_DIGEST", "DISK")).toBe(true);
    expect(isCacheError(error, "WRONG_DIGEST")).toBe(false);
    expect(isCacheError(Object.assign(new Error("other"), { code: "DISK" }), "DISK")).toBe(false);
    expect(error.cause).toMatchObject({ message: "below" });
  });
});
