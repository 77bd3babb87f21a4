import { describe, expect, it } from "vitest";
import { layOutMultipart } from "../../../src/registry/answer/multipart.ts";

describe("several ranges in one body", () => {
  const ranges = [
    { start: 10, end: 20 },
    { start: 0, end: 1 },
  ];
  const { contentType, length, parts, epilogue } = layOutMultipart(ranges, 100, "a/b", "bound");

  it("have one part each, in the order asked", () => {
    expect(parts.map(({ range }) => range)).toEqual(ranges);
    expect(parts.map(({ preamble }) => Buffer.from(preamble ?? []).toString())).toEqual([
      "--bound\r\nContent-Type: a/b\r\nContent-Range: bytes 10-19/100\r\n\r\n",
      "\r\n--bound\r\nContent-Type: a/b\r\nContent-Range: bytes 0-0/100\r\n\r\n",
    ]);
    expect(Buffer.from(epilogue).toString()).toBe("\r\n--bound--\r\n");
    expect(contentType).toBe("multipart/byteranges; boundary=bound");
  });

  it("are as long as they say", () => {
    const fixed = parts.reduce((sum, { preamble }) => sum + (preamble?.length ?? 0), 0);
    expect(length).toBe(fixed + epilogue.length + 11);
  });
});
