import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { expect, it } from "vitest";
import { Spans } from "../../../src/app/traces/spans.ts";
import type { SpanStart } from "../../../src/runtime/tracing.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";
const serving: SpanStart = { name: "GET", role: "serves" };
const working: SpanStart = { name: "fetch blob", role: "works" };

function followed() {
  const memory = new InMemorySpanExporter();
  const spanProcessors = [new SimpleSpanProcessor(memory)];
  const spans = new Spans(new BasicTracerProvider({ spanProcessors }).getTracer("entrepot"));
  return { spans, ended: () => memory.getFinishedSpans() };
}

it.each([
  [`00-${traceId}-${spanId}-01`, spanId],
  [`cc-${traceId}-${spanId}-01-what-comes-later`, spanId],
  [`00-${traceId}-${spanId}-01-more`, undefined],
  [`ff-${traceId}-${spanId}-01`, undefined],
  [`00-${"0".repeat(32)}-${spanId}-01`, undefined],
  [`00-${traceId.toUpperCase()}-${spanId}-01`, undefined],
  [`00-${traceId}-${spanId}-01, 00-${traceId}-${spanId}-01`, undefined],
  ["", undefined],
])("a request with traceparent %j is a part of %j", (traceparent, parent) => {
  const { spans, ended } = followed();
  spans.begin({ ...serving, from: { traceparent } }).end({});
  expect(ended()[0]?.parentSpanContext?.spanId).toBe(parent);
});

it("what goes on when its request has ended is a trace of its own, linked to that", async () => {
  const { spans, ended } = followed();
  const request = spans.begin(serving);
  const later = Promise.withResolvers<void>();
  const behind = request.within(async () => {
    await later.promise;
    spans.begin(working).end({});
  });
  request.end({ name: "GET manifest" });
  later.resolve();
  await behind;
  const [served, fetched] = ended();
  expect(fetched?.parentSpanContext).toBeUndefined();
  expect(fetched?.spanContext().traceId).not.toBe(served?.spanContext().traceId);
  expect(fetched?.links[0]?.context).toEqual(served?.spanContext());
});

it("a request that is read while another is answered is no part of that one", () => {
  const { spans, ended } = followed();
  const first = spans.begin(serving);
  first.within(() => spans.begin(serving).end({}));
  first.end({});
  expect(ended().map(({ parentSpanContext }) => parentSpanContext)).toEqual([undefined, undefined]);
});

it("who waits for what he has begun himself is not linked to it", () => {
  const { spans, ended } = followed();
  const fetch = spans.begin(working);
  fetch.within(() => fetch.waitedFor());
  fetch.end({ failure: "TIMEOUT" });
  expect(ended()[0]).toMatchObject({ links: [], attributes: { "error.type": "TIMEOUT" } });
});
