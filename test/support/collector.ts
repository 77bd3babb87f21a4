/** A collector of traces: takes what OTLP/HTTP sends as JSON, and gives it out as flat spans. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { onTestFinished } from "vitest";

export type CollectedSpan = {
  readonly name: string;
  /** 1 works inside, 2 serves, 3 asks. */
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly links: readonly string[];
  readonly hasFailed: boolean;
  /** Of the program that sent it. */
  readonly resource: ReadonlyMap<string, string>;
};

export class Collector {
  /** Of the requests, as they came. */
  readonly bodies: string[] = [];
  readonly headers: IncomingMessage["headers"][] = [];
  readonly paths: string[] = [];
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  get spans(): readonly CollectedSpan[] {
    return this.bodies.flatMap((body) => spansIn(JSON.parse(body) as Sent));
  }

  named(name: string): readonly CollectedSpan[] {
    return this.spans.filter((span) => span.name === name);
  }
}

/** Closes itself at the end of a test. `status`: what it answers. */
export async function startCollector({ status = 200 } = {}): Promise<Collector> {
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      const body = Buffer.concat(pieces);
      const isPacked = request.headers["content-encoding"] === "gzip";
      collector.bodies.push((isPacked ? gunzipSync(body) : body).toString());
      collector.headers.push(request.headers);
      collector.paths.push(request.url ?? "");
      response.writeHead(status, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const collector = new Collector(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return collector;
}

type Attributes = readonly {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}[];

type Sent = {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: Attributes };
    readonly scopeSpans: readonly { readonly spans: readonly SentSpan[] }[];
  }[];
};

type SentSpan = Pick<CollectedSpan, "name" | "kind" | "traceId" | "spanId"> & {
  readonly parentSpanId?: string;
  readonly attributes: Attributes;
  readonly links?: readonly { readonly spanId: string }[];
  readonly status?: { readonly code?: number };
};

function spansIn({ resourceSpans }: Sent): CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        ...span,
        parentSpanId: span.parentSpanId ?? "",
        attributes: mapOf(span.attributes),
        links: (span.links ?? []).map(({ spanId }) => spanId),
        hasFailed: span.status?.code === 2,
        resource: mapOf(resource.attributes),
      })),
    ),
  );
}

function mapOf(attributes: Attributes): ReadonlyMap<string, string> {
  return new Map(attributes.map(({ key, value }) => [key, String(Object.values(value)[0])]));
}
