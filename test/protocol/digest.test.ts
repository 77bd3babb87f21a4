import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  digestAlgorithm,
  digestHex,
  digestOf,
  parseDigest,
  toDigest,
} from "../../src/protocol/digest.ts";

const hex64 = "ab".repeat(32);
const hex128 = "0f".repeat(64);

describe("a digest", () => {
  it.each([`sha256:${hex64}`, `sha512:${hex128}`])("is read from %s", (text) => {
    expect(parseDigest(text)).toBe(text);
  });

  it.each([
    ["empty", ""],
    ["without an algorithm", hex64],
    ["in upper case", `sha256:${hex64.toUpperCase()}`],
    ["with one upper-case letter", `sha256:${hex64.slice(0, -1)}B`],
    ["with an upper-case algorithm", `SHA256:${hex64}`],
    ["one character short", `sha256:${hex64.slice(1)}`],
    ["one character long", `sha256:${hex64}0`],
    ["sha512 with sha256's length", `sha512:${hex64}`],
    ["sha256 with sha512's length", `sha256:${hex128}`],
    ["of another algorithm", `sha384:${"ab".repeat(48)}`],
    ["with a path in it", `sha256:../${hex64.slice(3)}`],
    ["followed by a line feed", `sha256:${hex64}\n`],
    ["after a space", ` sha256:${hex64}`],
    ["with a letter that is no hex digit", `sha256:g${hex64.slice(1)}`],
  ])("is not read from one %s", (_, text) => {
    expect(parseDigest(text)).toBeUndefined();
  });

  it("knows its algorithm and its hex part", () => {
    const digest = toDigest("sha512", hex128);
    expect(digestAlgorithm(digest)).toBe("sha512");
    expect(digestAlgorithm(toDigest("sha256", hex64))).toBe("sha256");
    expect(digestHex(digest)).toBe(hex128);
  });

  it("is computed over bytes", () => {
    const bytes = Buffer.from("hello");
    const hex = createHash("sha256").update(bytes).digest("hex");
    expect(digestOf(bytes)).toBe(`sha256:${hex}`);
    expect(parseDigest(digestOf(bytes, "sha512"))).toBeDefined();
  });
});
