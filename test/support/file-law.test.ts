import { describe, expect, it } from "vitest";
import { longFiles, namesTwice } from "./file-law.ts";

describe("the law on files", () => {
  it("finds a file over 250 lines, blank ones not counted", () => {
    const files = new Map([
      ["src/cache/a.ts", "a\n\n".repeat(250)],
      ["src/cache/b.ts", "b\n".repeat(251)],
    ]);
    expect(longFiles(files)).toEqual(["src/cache/b.ts has 251 lines, more than 250"]);
  });
});

it("names types that two files export, and none that one keeps to itself", () => {
  const files = new Map([
    ["a.ts", "export type Ask = string;\ntype Own = 1;\n"],
    ["b.ts", "export class Ask {}\nexport interface Own {}\n"],
    ["c.ts", "export function Ask() {}\n"],
  ]);
  expect(namesTwice(files)).toEqual(["Ask is exported by a.ts and b.ts"]);
});
