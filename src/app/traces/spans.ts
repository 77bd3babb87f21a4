/**
 * What is followed, as spans of OpenTelemetry. The span that is worked in is known to all that the work
 * calls or starts; what goes on when it has ended is no part of it but a trace of its own, linked to it.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import {
  type Context,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import type { Attributes, Span, SpanEnd, SpanStart, Tracing } from "../../runtime/tracing.ts";
import { parentIn, printParent } from "./trace-parent.ts";

const kinds: Readonly<Record<SpanStart["role"], SpanKind>> = {
  serves: SpanKind.SERVER,
  asks: SpanKind.CLIENT,
  works: SpanKind.INTERNAL,
};

export class Spans implements Tracing {
  readonly #tracer: Tracer;
  readonly #current = new AsyncLocalStorage<OpenSpan>();

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  begin(start: SpanStart): Span {
    const { name, role, attributes = {} } = start;
    // A request may be read while another one of its connection is being answered.
    const around = role === "serves" ? undefined : this.#current.getStore();
    const links = around?.hasEnded === true ? [{ context: around.otel.spanContext() }] : [];
    const options = { kind: kinds[role], attributes: attributesOf(attributes), links };
    const otel = this.#tracer.startSpan(name, options, parentOf(start, around));
    return new OpenSpan(otel, this.#current);
  }
}

class OpenSpan implements Span {
  readonly otel: OtelSpan;
  readonly #current: AsyncLocalStorage<OpenSpan>;
  #hasEnded = false;

  constructor(otel: OtelSpan, current: AsyncLocalStorage<OpenSpan>) {
    this.otel = otel;
    this.#current = current;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  within<T>(work: () => T): T {
    return this.#current.run(this, work);
  }

  waitedFor(): void {
    const waiting = this.#current.getStore();
    if (waiting === undefined || waiting === this || waiting.hasEnded) return;
    waiting.otel.addLink({ context: this.otel.spanContext() });
  }

  fields(): ReturnType<Span["fields"]> {
    return printParent(this.otel.spanContext());
  }

  end({ name, attributes = {}, failure }: SpanEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (name !== undefined) this.otel.updateName(name);
    this.otel.setAttributes(attributesOf({ ...attributes, "error.type": failure }));
    if (failure !== undefined) this.otel.setStatus({ code: SpanStatusCode.ERROR });
    this.otel.end();
  }
}

function parentOf({ from }: SpanStart, around: OpenSpan | undefined): Context {
  const inside = around?.hasEnded === false ? around.otel.spanContext() : undefined;
  const parent = inside ?? (from && parentIn(from));
  return parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
}

function attributesOf(attributes: Attributes): Record<string, string | number> {
  const known: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined) known[name] = value;
  return known;
}
