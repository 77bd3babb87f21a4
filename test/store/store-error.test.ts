import { describe, expect, it } from "vitest";
import { StoreError, storeErrorFrom } from "../../src/store/store-error.ts";

describe("a store error", () => {
  it("carries its code and what caused it", () => {
    const cause = new Error("EIO");
    const error = storeErrorFrom(cause, "IO", "cannot read");
    expect(error).toBeInstanceOf(StoreError);
    expect(error).toMatchObject({ name: "StoreError", code: "IO", message: "cannot read", cause });
  });
});
