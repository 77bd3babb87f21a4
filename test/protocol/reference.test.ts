import { describe, expect, it } from "vitest";
import {
  parseReference,
  parseRepositoryName,
  parseTag,
  printReference,
} from "../../src/protocol/reference.ts";
import { timeSpent } from "../support/longest-turn.ts";

const digest = `sha256:${"ab".repeat(32)}`;

describe("a repository name", () => {
  it.each([
    "a",
    "library/alpine",
    "a/b/c/d",
    "a.b/c_d/e__f/g-h/i---j",
    "k8s-artifacts-prod/images/pause",
    "0",
    "a".repeat(255),
  ])("may be %s", (text) => {
    expect(parseRepositoryName(text)).toBe(text);
  });

  it.each([
    "",
    "/",
    "a/",
    "/a",
    "a//b",
    "A",
    "a/B",
    "a..b",
    "a.-b",
    "a___b",
    "-a",
    "a-",
    ".a",
    "a.",
    "_a",
    "..",
    "a/../b",
    "a%2fb",
    "a b",
    "a\n",
    "ä",
    "a:b",
    "a@b",
    "a".repeat(256),
  ])("may not be %j", (text) => {
    expect(parseRepositoryName(text)).toBeUndefined();
  });

  it("is refused in linear time when it nearly fits", () => {
    const parse = () => parseRepositoryName(`${"a-".repeat(126)}-/`);
    expect(parse()).toBeUndefined();
    expect(timeSpent(parse)).toBeLessThan(100);
  });
});

describe("a tag", () => {
  it.each(["latest", "3.20", "_", "A-b.C_d", "v".repeat(128)])("may be %s", (text) => {
    expect(parseTag(text)).toBe(text);
  });

  it.each(["", ".a", "-a", "a/b", "a:b", "a%20", "a b", "a\n", "é", "v".repeat(129)])(
    "may not be %j",
    (text) => {
      expect(parseTag(text)).toBeUndefined();
    },
  );
});

describe("a reference", () => {
  it("is a digest when it has a colon, else a tag, and prints back as it was", () => {
    expect(parseReference(digest)).toEqual({ kind: "digest", digest });
    expect(parseReference("latest")).toEqual({ kind: "tag", tag: "latest" });
    for (const text of [digest, "latest"]) {
      const reference = parseReference(text);
      expect(reference === undefined ? undefined : printReference(reference)).toBe(text);
    }
  });

  it.each(["sha256:baddigeststring", "sha256:", ":", "a:b", ""])("is not read from %j", (text) => {
    expect(parseReference(text)).toBeUndefined();
  });
});
