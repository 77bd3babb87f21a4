import { describe, expect, it } from "vitest";
import { globExpression, patternExpression } from "../../src/protocol/glob.ts";

describe("globExpression", () => {
  it.each([
    ["library/*", "library/alpine", true],
    ["library/*", "library/a/b", false],
    ["team/**", "team/a/b", true],
    ["team/**", "teams/a", false],
    ["a.b", "a.b", true],
    ["a.b", "axb", false],
    ["v?", "v1", true],
    ["**", "", true],
    ["(a+)+$", "aaaa", false],
  ])("%s and %s: %s", (pattern, name, expected) => {
    expect(globExpression(pattern).test(name)).toBe(expected);
  });
});

it("a pattern between slashes is a regular expression", () => {
  expect(patternExpression("/^v\\d+$/").test("v12")).toBe(true);
  expect(patternExpression("v*").test("v12")).toBe(true);
  expect(patternExpression("v*").test("wv12")).toBe(false);
  expect(() => patternExpression("/(/")).toThrow(SyntaxError);
});
