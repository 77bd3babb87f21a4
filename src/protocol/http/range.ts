/**
 * Byte ranges (RFC 9110 §14): what a client asks for, what that means for a known size, and the
 * fields that say it. A range is `start` up to but without `end`, as slices are.
 */

export type ByteRange = { readonly start: number; readonly end: number };

/** One item of a Range field, before the size is known. `end` undefined: up to the last byte. */
export type RangeSpec =
  | { readonly kind: "from"; readonly start: number; readonly end: number | undefined }
  | { readonly kind: "suffix"; readonly length: number };

/** At least one item, in the client's order. */
export type RangeRequest = readonly RangeSpec[];

/** containers/image asks for up to 1024 ranges of a zstd:chunked layer; more is not a client. */
const maxRanges = 1024;

/** Undefined when it is to be ignored: another unit, malformed, too many. */
export function parseRange(header: string): RangeRequest | undefined {
  const list = /^\s*bytes\s*=(.*)$/i.exec(header)?.[1];
  if (list === undefined) return undefined;
  const items = list.split(",", maxRanges + 1);
  if (items.length > maxRanges) return undefined;
  const specs: RangeSpec[] = [];
  for (const item of items) {
    if (item.trim() === "") continue;
    const spec = parseSpec(item.trim());
    if (spec === undefined) return undefined;
    specs.push(spec);
  }
  return specs.length === 0 ? undefined : specs;
}

/** The satisfiable ranges, clamped to `size`; "unsatisfiable" when there is none (416). */
export function resolveRange(request: RangeRequest, size: number): ByteRange[] | "unsatisfiable" {
  const ranges: ByteRange[] = [];
  for (const spec of request) {
    const range = resolveSpec(spec, size);
    if (range !== undefined) ranges.push(range);
  }
  return ranges.length === 0 ? "unsatisfiable" : ranges;
}

/** `bytes=500-1499`, for a request of our own; without `end` it is open. */
export function printRange(start: number, end?: number): string {
  return `bytes=${start}-${end === undefined ? "" : end - 1}`;
}

/** `bytes 500-1499/2048`; dockerd needs the total, so it should be known. */
export function printContentRange(range: ByteRange, size: number | undefined): string {
  return `bytes ${range.start}-${range.end - 1}/${size ?? "*"}`;
}

/** The Content-Range of a 416. */
export function printUnsatisfiedRange(size: number): string {
  return `bytes */${size}`;
}

/** Reads the Content-Range of a 206; undefined when malformed or of a 416. */
export function parseContentRange(
  header: string,
): (ByteRange & { readonly size: number | undefined }) | undefined {
  const match = /^\s*bytes\s+(\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)\s*$/i.exec(header);
  if (match === null) return undefined;
  const start = Number(match[1]);
  const end = Number(match[2]) + 1;
  const size = match[3] === "*" ? undefined : Number(match[3]);
  if (end <= start || (size !== undefined && end > size)) return undefined;
  return { start, end, size };
}

/** The size that the Content-Range of a 416 tells. */
export function parseUnsatisfiedRange(header: string): number | undefined {
  const size = /^\s*bytes\s+\*\/(\d{1,15})\s*$/i.exec(header)?.[1];
  return size === undefined ? undefined : Number(size);
}

function parseSpec(text: string): RangeSpec | undefined {
  const match = /^(\d*)\s*-\s*(\d*)$/.exec(text);
  if (match === null) return undefined;
  const [, first = "", last = ""] = match;
  if (first !== "") {
    return {
      kind: "from",
      start: toPosition(first),
      end: last === "" ? undefined : toPosition(last) + 1,
    };
  }
  return last === "" ? undefined : { kind: "suffix", length: toPosition(last) };
}

/** Positions beyond any file are as good as the largest whole number less one. */
function toPosition(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER - 1);
}

/** `500-0` has its end before its start: unsatisfiable, as the OCI conformance suite expects. */
function resolveSpec(spec: RangeSpec, size: number): ByteRange | undefined {
  if (spec.kind === "suffix") {
    const start = Math.max(0, size - spec.length);
    return start < size ? { start, end: size } : undefined;
  }
  const end = Math.min(spec.end ?? size, size);
  return spec.start < end ? { start: spec.start, end } : undefined;
}

/** The first byte that is wanted of so many, at most their end. */
export function firstByteOf(request: RangeRequest, size: number): number {
  const [spec] = request;
  if (spec === undefined) return 0;
  return spec.kind === "from" ? Math.min(spec.start, size) : Math.max(0, size - spec.length);
}
