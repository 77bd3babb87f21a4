import { describe, expect, it } from "vitest";
import { digestOf } from "../../../src/protocol/digest.ts";
import { parseVerified, printVerified } from "../../../src/store/disk/clean-marker.ts";

const some = new Set([digestOf(Buffer.from("a")), digestOf(Buffer.from("b"), "sha512")]);

describe("the clean marker", () => {
  it.each([["all" as const], [some], [new Set<never>()]])("reads back %o", (verified) => {
    expect(parseVerified(printVerified(verified))).toEqual(verified);
  });

  it.each([
    ["nothing at all", undefined],
    ["an empty file", ""],
    ["a file cut short", printVerified(some).slice(0, -1)],
    ["a word of another version", "most\n"],
  ])("vouches for nothing given %s", (_, text) => {
    expect(parseVerified(text)).toEqual(new Set());
  });

  it("skips a line that is no digest", () => {
    expect(parseVerified(`only\nsha256:xx\n${[...some].join("\n")}\n`)).toEqual(some);
  });
});
