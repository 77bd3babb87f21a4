/** Several ranges in one body (RFC 9110 §14.6): one part a range, in the client's order. */
import { type ByteRange, printContentRange } from "../../protocol/http/range.ts";

/** A range of the bytes, and what goes before it. */
export type Part = { readonly preamble: Uint8Array | undefined; readonly range: ByteRange };

export type Multipart = {
  readonly contentType: string;
  readonly length: number;
  readonly parts: readonly Part[];
  readonly epilogue: Uint8Array;
};

/** Lays the body out; `boundary` must not occur in the bytes. */
export function layOutMultipart(
  ranges: readonly ByteRange[],
  size: number,
  mediaType: string,
  boundary: string,
): Multipart {
  const parts = ranges.map((range, index) => ({
    range,
    preamble: Buffer.from(
      `${index === 0 ? "" : "\r\n"}--${boundary}\r\nContent-Type: ${mediaType}\r\n` +
        `Content-Range: ${printContentRange(range, size)}\r\n\r\n`,
    ),
  }));
  const epilogue = Buffer.from(`\r\n--${boundary}--\r\n`);
  const length = parts.reduce(
    (sum, { preamble, range }) => sum + preamble.length + range.end - range.start,
    epilogue.length,
  );
  return { contentType: `multipart/byteranges; boundary=${boundary}`, length, parts, epilogue };
}
