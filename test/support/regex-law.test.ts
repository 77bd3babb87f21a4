import { describe, expect, it } from "vitest";
import { expressionsIn, hostileText } from "./regex-law.ts";

describe("hostile text", () => {
  it.each([
    [/<([^>]*)>/g, "opened again and again"],
    [/\/+$/, "an end that never comes"],
    [/^\s+|\s+$/g, "white space inside"],
    [/^(?:a+)+$/, "one of many ways to divide it"],
    [/^(\w|\d)*$/, "letters of two kinds"],
    [/^(.*),(.*),(.*)$/, "three stars"],
    [/-----BEGIN KEY-----[\s\S]+?-----END KEY-----/g, "keys without an end"],
    [/(\bhttps?:\/\/[^\s?]*)\?/g, "addresses without a query"],
  ])("is found for %s: %s", ({ source, flags }) => {
    expect(hostileText({ source, flags })).toBeDefined();
  });

  it.each([/<([^<>]*)>/g, /^\d{1,15}$/, /(?<!\/)\/+$/, /[&<>"']/g, /^(.*)$/s, /^(?:[^"\\]|\\.)*$/])(
    "is none for %s",
    ({ source, flags }) => {
      expect(hostileText({ source, flags })).toBeUndefined();
    },
  );
});

describe("the expressions of a file", () => {
  it("are found in code, and divisions and comments are not", () => {
    const text = [
      "// not /this/ one",
      'const path = "a/b/c" + 4 / 2 / 1;',
      "const isA = /^[/a]\\/$/i.test(path) || /b/.test(path);",
      `return \`$\{path.replace(/c+/g, "")}\`;`,
      "const again = /b/;",
    ].join("\n");
    expect(expressionsIn(new Map([["x.ts", text]]))).toEqual([
      { place: "x.ts:3", source: "^[/a]\\/$", flags: "i" },
      { place: "x.ts:3", source: "b", flags: "" },
      { place: "x.ts:4", source: "c+", flags: "g" },
    ]);
  });
});
