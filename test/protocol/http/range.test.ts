import { describe, expect, it } from "vitest";
import {
  firstByteOf,
  parseContentRange,
  parseRange,
  printContentRange,
  printRange,
  printUnsatisfiedRange,
  resolveRange,
} from "../../../src/protocol/http/range.ts";

/** What a Range field means for a size: `start-end` with the end included, as people write it. */
function meaning(header: string, size: number): string {
  const request = parseRange(header);
  if (request === undefined) return "ignored";
  const ranges = resolveRange(request, size);
  if (ranges === "unsatisfiable") return ranges;
  return ranges.map(({ start, end }) => `${start}-${end - 1}`).join(" ");
}

describe("a Range field on 2048 bytes", () => {
  it.each([
    ["bytes=500-1499", "500-1499"],
    ["bytes=500-", "500-2047"],
    ["bytes=-500", "1548-2047"],
    ["bytes=2000-5000", "2000-2047"],
    ["bytes=-5000", "0-2047"],
    ["bytes=0-0", "0-0"],
    ["bytes=2047-", "2047-2047"],
    ["bytes=0-", "0-2047"],
    ["BYTES=0-1", "0-1"],
    ["bytes = 0-1", "0-1"],
    ["bytes=0-1,5-6", "0-1 5-6"],
    ["bytes= 0 - 1 ,, 5-6 ,", "0-1 5-6"],
    ["bytes=5-6,0-1", "5-6 0-1"],
    ["bytes=0-1,9000-", "0-1"],
    [`bytes=0-${"9".repeat(40)}`, "0-2047"],
    ["bytes=500-0", "unsatisfiable"],
    ["bytes=5000-10000", "unsatisfiable"],
    ["bytes=2048-", "unsatisfiable"],
    ["bytes=-0", "unsatisfiable"],
    [`bytes=${"9".repeat(40)}-`, "unsatisfiable"],
    ["bytes=9000-,5-1", "unsatisfiable"],
    ["bytes=", "ignored"],
    ["bytes=,", "ignored"],
    ["bytes=-", "ignored"],
    ["bytes=a-b", "ignored"],
    ["bytes=1-2-3", "ignored"],
    ["bytes=0-1,x", "ignored"],
    ["bytes=+1-2", "ignored"],
    ["bytes=1.0-2", "ignored"],
    ["bytes=0x1-2", "ignored"],
    ["items=0-1", "ignored"],
    ["0-1", "ignored"],
    ["", "ignored"],
  ])("%s: %s", (header, expected) => {
    expect(meaning(header, 2048)).toBe(expected);
  });

  it.each([
    ["bytes=500-1499", 500],
    ["bytes=-500", 1_548],
    ["bytes=-5000", 0],
    ["bytes=7-8,1-2", 7],
    [`bytes=${"9".repeat(40)}-`, 2_048],
  ])("%s: the first byte is %i", (header, first) => {
    expect(firstByteOf(parseRange(header) ?? [], 2_048)).toBe(first);
  });

  it("may hold 1024 ranges, as containers/image asks, and no more", () => {
    const ranges = (count: number) =>
      `bytes=${Array.from({ length: count }, (_, n) => `${2 * n}-${2 * n}`).join(",")}`;
    expect(parseRange(ranges(1024))).toHaveLength(1024);
    expect(parseRange(ranges(1025))).toBeUndefined();
    expect(parseRange(`bytes=${"0-,".repeat(100_000)}`)).toBeUndefined();
  });
});

describe("a Range field", () => {
  it.each(["bytes=0-0", "bytes=0-", "bytes=-1"])("%s has no byte of nothing", (header) => {
    expect(meaning(header, 0)).toBe("unsatisfiable");
  });

  it("is printed for requests of our own", () => {
    expect(printRange(7)).toBe("bytes=7-");
    expect(printRange(7, 10)).toBe("bytes=7-9");
  });
});

describe("Content-Range", () => {
  it("is printed with the total, or a star when it is unknown", () => {
    expect(printContentRange({ start: 500, end: 1500 }, 2048)).toBe("bytes 500-1499/2048");
    expect(printContentRange({ start: 0, end: 1 }, undefined)).toBe("bytes 0-0/*");
    expect(printUnsatisfiedRange(2048)).toBe("bytes */2048");
  });

  it.each([
    ["bytes 500-1499/2048", { start: 500, end: 1500, size: 2048 }],
    ["bytes 0-0/*", { start: 0, end: 1, size: undefined }],
    [" Bytes 0-9/10 ", { start: 0, end: 10, size: 10 }],
  ])("%s is read", (text, expected) => {
    expect(parseContentRange(text)).toEqual(expected);
  });

  it.each([
    "",
    "bytes */2048",
    "bytes 9-5/10",
    "bytes 0-10/10",
    "bytes 0-9",
    "items 0-9/10",
    "bytes -5/10",
    `bytes 0-${"9".repeat(16)}/*`,
  ])("%j is not", (text) => {
    expect(parseContentRange(text)).toBeUndefined();
  });
});
