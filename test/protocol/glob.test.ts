import { describe, expect, it } from "vitest";
import { parseGlob, parsePattern } from "../../src/protocol/glob.ts";
import { timeSpent } from "../support/longest-turn.ts";

describe("parseGlob", () => {
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
    expect(parseGlob(pattern).test(name)).toBe(expected);
  });
});

it("a pattern between slashes is a regular expression", () => {
  expect(parsePattern("/^v\\d+$/").test("v12")).toBe(true);
  expect(parsePattern("v*").test("v12")).toBe(true);
  expect(parsePattern("v*").test("wv12")).toBe(false);
  expect(() => parsePattern("/(/")).toThrow(SyntaxError);
});

describe("a name that somebody made to be slow", () => {
  // The work is counted in growth: with stars that may each end anywhere it would be to the sixth power.
  it.each(["**a**a**a**a**a**b", "*a*a*a*a*a*b", "**/*a*/**/*a*/**b"])(
    "is told from %s at once",
    (pattern) => {
      const glob = parseGlob(pattern);
      const time = (length: number) => {
        const name = "a/aa".repeat(length / 4);
        const once = () => timeSpent(() => glob.test(name));
        return Math.min(once(), once(), once());
      };
      expect(glob.test(`${"a/aa".repeat(64)}/ab`)).toBe(pattern.startsWith("**"));
      expect(time(4_096)).toBeLessThan(50);
    },
  );
});
