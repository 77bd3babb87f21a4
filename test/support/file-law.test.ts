import { describe, expect, it } from "vitest";
import { longFiles, untestedFiles } from "./file-law.ts";

describe("the law on files", () => {
  it("finds a file over 250 lines, blank ones not counted", () => {
    const files = new Map([
      ["src/cache/a.ts", "a\n\n".repeat(250)],
      ["src/cache/b.ts", "b\n".repeat(251)],
    ]);
    expect(longFiles(files)).toEqual(["src/cache/b.ts has 251 lines, more than 250"]);
  });

  it("finds a file without its test", () => {
    const files = new Map([
      ["src/cache/a.ts", "export function a() {}"],
      ["src/cache/b.ts", "export function b() {}"],
    ]);
    const tests = ["test/cache/a.test.ts"];
    expect(untestedFiles(files, tests)).toEqual(["src/cache/b.ts has no test/cache/b.test.ts"]);
  });

  it.each([
    ["types", "/** A. */\nexport type A = {};\nexport interface B {}\n"],
    [
      "error classes",
      'export type Code = "A";\nexport class StoreError extends Error {\n  a = 1;\n}',
    ],
  ])("asks no test of a file with only %s", (_, text) => {
    expect(untestedFiles(new Map([["src/store/a.ts", text]]), [])).toEqual([]);
  });

  it.each(["export const a = 1;", "export class A {}", "console.log(1);"])(
    "asks a test of a file with: %s",
    (text) => {
      expect(untestedFiles(new Map([["src/store/a.ts", text]]), [])).toHaveLength(1);
    },
  );
});
