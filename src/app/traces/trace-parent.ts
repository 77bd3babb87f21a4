/** `traceparent` and `tracestate` as W3C Trace Context (level 1) writes them, read and printed. */
import {
  createTraceState,
  isSpanContextValid,
  type SpanContext,
  TraceFlags,
} from "@opentelemetry/api";
import type { SpanStart } from "../../runtime/tracing.ts";

/** Later versions may add to its end; of version 00 this is all. */
const traceParent = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[\x20-\x7e]*)?$/;

/** The span that a request says to be a part of; undefined where it names none. */
export function parentIn(fields: NonNullable<SpanStart["from"]>): SpanContext | undefined {
  const text = one(fields.traceparent);
  const [, version, traceId = "", spanId = "", flags = "", more] = traceParent.exec(text) ?? [];
  if (version === "ff" || (version === "00" && more !== undefined)) return undefined;
  const state = one(fields.tracestate);
  const parent: SpanContext = {
    ...{ traceId, spanId, isRemote: true },
    traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED,
    ...(state === "" ? {} : { traceState: createTraceState(state) }),
  };
  return isSpanContextValid(parent) ? parent : undefined;
}

/** The fields that name this span as the one that a request is a part of. */
export function printParent(context: SpanContext): readonly (readonly [string, string])[] {
  const { traceId, spanId, traceFlags, traceState } = context;
  const flags = traceFlags.toString(16).padStart(2, "0");
  const parent = ["traceparent", `00-${traceId}-${spanId}-${flags}`] as const;
  const state = traceState?.serialize() ?? "";
  return state === "" ? [parent] : [parent, ["tracestate", state]];
}

function one(field: string | readonly string[] | undefined): string {
  return (typeof field === "string" ? field : (field ?? []).join(",")).trim();
}
