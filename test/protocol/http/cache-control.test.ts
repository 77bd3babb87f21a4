import { describe, expect, it } from "vitest";
import { parseCacheControl, wantsRevalidation } from "../../../src/protocol/http/caching-fields.ts";
import { headerList } from "../../../src/protocol/http/header-list.ts";

describe("Cache-Control", () => {
  it.each<[string[], [string, string][]]>([
    [["no-cache"], [["no-cache", ""]]],
    [
      ["Max-Age=60, PRIVATE"],
      [
        ["max-age", "60"],
        ["private", ""],
      ],
    ],
    [["max-age=1", "max-age=2"], [["max-age", "1"]]],
    [
      ['private="set-cookie, x", no-store'],
      [
        ["private", "set-cookie, x"],
        ["no-store", ""],
      ],
    ],
    [['x="a\\"b"'], [["x", 'a"b']]],
    [[",, no-cache ,"], [["no-cache", ""]]],
    [[""], []],
  ])("%j is read", (lines, directives) => {
    expect([...parseCacheControl(lines)]).toEqual(directives);
  });
});

describe("a client that wants what is kept confirmed", () => {
  it.each([
    [{ "cache-control": "no-cache" }, true],
    [{ "cache-control": "max-age=0" }, true],
    [{ pragma: "no-cache" }, true],
    [{ "cache-control": "max-age=10", pragma: "no-cache" }, false],
    [{ "cache-control": "no-store" }, false],
    [{ "cache-control": 'x="no-cache"' }, false],
    [{}, false],
  ])("with %j: %s", (headers, wants) => {
    expect(wantsRevalidation(headerList(headers))).toBe(wants);
  });
});
