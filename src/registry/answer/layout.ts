/** What of a content goes out, in order, and the fields that say so. */
import { randomUUID } from "node:crypto";
import { type ByteRange, printContentRange } from "../../protocol/http/range.ts";
import type { ContentPlan } from "./content-plan.ts";
import { layOutMultipart, type Part } from "./multipart.ts";

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
  const parts = size === 0 ? [] : [{ range, preamble: undefined }];
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
