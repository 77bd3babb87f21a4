/**
 * Spans on their way out: to a collector, in batches from a queue with a bound, or as lines of the log.
 * A collector that is away costs spans and one line of the log, and holds up nothing.
 */
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  type ReadableSpan,
  SimpleSpanProcessor,
  type SpanExporter,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { failureOf, type Tracing } from "../../runtime/tracing.ts";
import type { Log } from "../log.ts";
import { Spans } from "./spans.ts";
import type { Exporter } from "./wanted-traces.ts";

type Parts = {
  readonly exporters: readonly Exporter[];
  readonly version: string;
  readonly log: Pick<Log, "note">;
};

type Result = Parameters<Parameters<SpanExporter["export"]>[1]>[0];

/** What is not delivered by then is lost: a stop waits for nobody's collector. */
const longestClose = 2_000;

/** The environment says where to, with which fields, how often and of which traces. */
export function startTraces({ exporters, version, log }: Parts) {
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ "service.name": "entrepot", "service.version": version }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: exporters.map((exporter) => processorOf(exporter, log)),
  });
  const tracing: Tracing = new Spans(provider.getTracer("entrepot", version));
  const close = async (): Promise<void> => {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, longestClose);
    await Promise.race([provider.shutdown().catch(() => undefined), late.promise]);
    clearTimeout(timer);
  };
  return { tracing, close };
}

function processorOf(exporter: Exporter, log: Pick<Log, "note">): SpanProcessor {
  if (exporter === "console") return new SimpleSpanProcessor(new LoggedSpans(log));
  return new BatchSpanProcessor(new ToldExporter(new OTLPTraceExporter(), log));
}

/** Tells when a collector stops taking spans, and when it takes them again. */
class ToldExporter implements SpanExporter {
  readonly #to: SpanExporter;
  readonly #log: Pick<Log, "note">;
  /** Spans that nobody took since the last that somebody did. */
  #lost = 0;

  constructor(to: SpanExporter, log: Pick<Log, "note">) {
    this.#to = to;
    this.#log = log;
  }

  export(spans: ReadableSpan[], done: (result: Result) => void): void {
    this.#to.export(spans, (result) => {
      this.#tell(spans.length, result);
      done(result);
    });
  }

  async forceFlush(): Promise<void> {
    await this.#to.forceFlush?.();
  }

  async shutdown(): Promise<void> {
    await this.#to.shutdown();
  }

  #tell(count: number, { code, error }: Result): void {
    if (code === 0) {
      const lost = this.#lost;
      this.#lost = 0;
      if (lost > 0) this.#log.note("info", "the collector takes traces again", { lost });
      return;
    }
    if (this.#lost === 0)
      this.#log.note("warn", "the collector does not take traces; pulls go on without them", {
        code: failureOf(error),
      });
    this.#lost += count;
  }
}

/** Each span is a line. */
class LoggedSpans implements SpanExporter {
  readonly #log: Pick<Log, "note">;

  constructor(log: Pick<Log, "note">) {
    this.#log = log;
  }

  export(spans: ReadableSpan[], done: (result: Result) => void): void {
    for (const span of spans) this.#write(span);
    done({ code: 0 });
  }

  async shutdown(): Promise<void> {
    // Nothing is held back.
  }

  #write(span: ReadableSpan): void {
    const { name, attributes, duration, links, parentSpanContext } = span;
    const { traceId, spanId } = span.spanContext();
    const [seconds, nanoseconds] = duration;
    this.#log.note("info", "span", {
      ...{ name, trace: traceId, span: spanId, parent: parentSpanContext?.spanId },
      ms: Math.round(seconds * 1_000 + nanoseconds / 1e6),
      linked: links.map(({ context }) => context.spanId).join(" ") || undefined,
      ...Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, `${value}`])),
    });
  }
}
