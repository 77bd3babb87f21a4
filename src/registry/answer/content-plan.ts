/**
 * What of a content goes out: all of it, ranges, or the news that the client has it already; in which
 * order, and the fields that say so.
 */

import { randomUUID } from "node:crypto";
import type { CacheOutcome, Content } from "../../cache/content.ts";
import type { Digest } from "../../protocol/digest.ts";
import { type HeaderList, headerList, headerValue } from "../../protocol/http/header-list.ts";
import {
  type ByteRange,
  parseRange,
  printContentRange,
  printUnsatisfiedRange,
  type RangeRequest,
  resolveRange,
} from "../../protocol/http/range.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import { layOutMultipart, type Part } from "./multipart.ts";

export type ContentPlan =
  | { readonly kind: "unchanged" }
  | { readonly kind: "whole" }
  | { readonly kind: "part"; readonly range: ByteRange; readonly size: number }
  | { readonly kind: "parts"; readonly ranges: readonly ByteRange[]; readonly size: number };

type Shape = Pick<Content, "digest" | "outcome"> & { readonly size: number | undefined };

/** Throws RegistryError RANGE_INVALID (416) when nothing of what is asked for exists. */
export function planContent(method: string, headers: HeaderList, content: Shape): ContentPlan {
  const { digest, size } = content;
  if (hasETag(headers.get("if-none-match") ?? [], digest)) return { kind: "unchanged" };
  const request = method === "GET" ? askedRange(headers, digest) : undefined;
  // Nothing of an empty body can be a range; clients that always ask for `bytes=0-` are served.
  if (request === undefined || size === undefined || size === 0) return { kind: "whole" };
  const ranges = resolveRange(request, size);
  if (ranges === "unsatisfiable") throw unsatisfiable(size);
  const [first] = ranges;
  if (request.length === 1 && first !== undefined) return { kind: "part", range: first, size };
  const isServable = ranges.length === request.length && total(ranges) <= size;
  return isServable && isHeld(content.outcome)
    ? { kind: "parts", ranges, size }
    : { kind: "whole" };
}

/** Less than all of it. */
export function isPart(plan: ContentPlan): boolean {
  return plan.kind === "part" && (plan.range.start > 0 || plan.range.end < plan.size);
}

/** The Range field, unless If-Range (RFC 9110 §13.1.5) says that it was meant for other bytes. */
export function askedRange(headers: HeaderList, digest: Digest): RangeRequest | undefined {
  const range = headerValue(headers, "range");
  if (range === undefined) return undefined;
  const condition = headerValue(headers, "if-range")?.trim();
  return condition === undefined || condition === `"${digest}"` ? parseRange(range) : undefined;
}

/** Quoted, weak or bare: clients send all three (distribution takes the bare form too). */
function hasETag(lines: readonly string[], digest: Digest): boolean {
  return lines.some((line) =>
    line.split(",").some((item) => {
      const tag = item
        .trim()
        .replace(/^W\//, "")
        .replace(/^"(.*)"$/, "$1");
      return tag === digest || tag === "*";
    }),
  );
}

/** Several ranges are cut out of what is all there; of a running download all of it goes out. */
function isHeld(outcome: CacheOutcome): boolean {
  return outcome === "hit" || outcome === "revalidated" || outcome === "stale";
}

function total(ranges: readonly ByteRange[]): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0);
}

function unsatisfiable(size: number): RegistryError {
  return new RegistryError("RANGE_INVALID", `the range asked for is outside the ${size} bytes`, {
    headers: headerList({ "content-range": printUnsatisfiedRange(size), "accept-ranges": "bytes" }),
  });
}

export type Layout = {
  readonly status: number;
  /** Name, value, name, value … */
  readonly fields: readonly string[];
  readonly parts: readonly Part[];
  readonly epilogue: Uint8Array | undefined;
};

export function layOut(plan: ContentPlan, size: number | undefined, mediaType: string): Layout {
  switch (plan.kind) {
    case "unchanged":
      return { status: 304, fields: [], parts: [], epilogue: undefined };
    case "whole":
      return layOutWhole(size, mediaType);
    case "part":
      return layOutPart(plan.range, plan.size, mediaType);
    case "parts": {
      const body = layOutMultipart(plan.ranges, plan.size, mediaType, randomUUID());
      const fields = typeAndLength(body.contentType, body.length);
      return { status: 206, fields, parts: body.parts, epilogue: body.epilogue };
    }
  }
}

/** Of unknown size, it goes out until the source says that this was all. */
function layOutWhole(size: number | undefined, mediaType: string): Layout {
  const range: ByteRange = { start: 0, end: size ?? Number.POSITIVE_INFINITY };
  const parts = [{ range, preamble: undefined }];
  return { status: 200, fields: typeAndLength(mediaType, size), parts, epilogue: undefined };
}

function layOutPart(range: ByteRange, size: number, mediaType: string): Layout {
  const fields = typeAndLength(mediaType, range.end - range.start);
  fields.push("Content-Range", printContentRange(range, size));
  return { status: 206, fields, parts: [{ range, preamble: undefined }], epilogue: undefined };
}

function typeAndLength(mediaType: string, length: number | undefined): string[] {
  const type = ["Content-Type", mediaType];
  return length === undefined ? type : [...type, "Content-Length", String(length)];
}
