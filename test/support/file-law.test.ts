import { describe, expect, it } from "vitest";
import { longFiles } from "./file-law.ts";

describe("the law on files", () => {
  it("finds a file over 250 lines, blank ones not counted", () => {
    const files = new Map([
      ["src/cache/a.ts", "a\n\n".repeat(250)],
      ["src/cache/b.ts", "b\n".repeat(251)],
    ]);
    expect(longFiles(files)).toEqual(["src/cache/b.ts has 251 lines, more than 250"]);
  });
});
