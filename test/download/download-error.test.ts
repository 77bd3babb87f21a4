import { describe, expect, it } from "vitest";
import { DownloadError, isDownloadError } from "../../src/download/download-error.ts";

describe("a cache error", () => {
  it("is told from others by its code", () => {
    const error = new DownloadError("DISK", "the disk", { cause: new Error("below") });
    expect(isDownloadError(error, "WRONG_DIGEST", "DISK")).toBe(true);
    expect(isDownloadError(error, "WRONG_DIGEST")).toBe(false);
    expect(isDownloadError(Object.assign(new Error("other"), { code: "DISK" }), "DISK")).toBe(
      false,
    );
    expect(error.cause).toMatchObject({ message: "below" });
  });
});
