import { describe, expect, it } from "vitest";
import {
  choice,
  type Kind,
  listOf,
  path,
  port,
  text,
  truth,
  verbatim,
  WrongValue,
  wholeNumber,
} from "../../../src/app/settings/kind.ts";

function problem(kind: Kind<unknown>, raw: unknown): string {
  try {
    kind.parse(raw);
    return "";
  } catch (error) {
    return error instanceof WrongValue ? `${error.message}; ${error.hint ?? kind.hint}` : "thrown";
  }
}

describe("kinds of settings", () => {
  it.each([
    [" Yes ", truth, true],
    [true, truth, true],
    ["0", truth, false],
    ["off", truth, false],
    ["3128", port, 3128],
    [3128, port, 3128],
    ["  a b ", text, "a b"],
    ["  ", verbatim, "  "],
    [" ./data ", path, "./data"],
    ["AUTO", choice("auto", "named"), "auto"],
    ["0", wholeNumber(0, 9, "a digit"), 0],
    ["80, 443  8443", listOf(port), [80, 443, 8443]],
    [[80, "443"], listOf(port), [80, 443]],
    ["", listOf(text), []],
  ])("read %o (%#)", (raw: unknown, kind: Kind<unknown>, expected) => {
    expect(kind.parse(raw)).toEqual(expected);
  });

  it.each([
    ["maybe", truth, 'is "maybe"; true or false'],
    ["0", port, 'is "0"; a port from 1 to 65535'],
    ["70000", port, 'is "70000"; a port from 1 to 65535'],
    ["3128.5", port, 'is "3128.5"; a port from 1 to 65535'],
    ["  ", text, 'is ""; text'],
    [["a"], text, "is a list; text"],
    [null, text, 'is "null"; text'],
    ["d", choice("a", "b", "c"), 'is "d"; a, b or c'],
    ["80 x", listOf(port), 'has "x"; a port from 1 to 65535, several with blanks between'],
    [[80, {}], listOf(port), "has {}; a port from 1 to 65535, several with blanks between"],
    [{ a: 1 }, listOf(port), "is {a}; a port from 1 to 65535, several with blanks between"],
  ])("refuse %o (%#)", (raw: unknown, kind: Kind<unknown>, expected) => {
    expect(problem(kind, raw)).toBe(expected);
  });
});
