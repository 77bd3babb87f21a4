/**
 * A registry engine behind a real HTTP server on loopback, with small stand-ins for the cache and
 * the upstream, and a client that shows what came over the wire.
 */

import { createServer, type IncomingMessage, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { onTestFinished } from "vitest";
import type { Content, Passed } from "../../src/cache/content.ts";
import type { BlobAsk, ManifestAsk } from "../../src/cache/pull-ask.ts";
import type { BytePlace, ByteSource } from "../../src/download/byte-source.ts";
import { digestOf } from "../../src/protocol/digest.ts";
import { headerList } from "../../src/protocol/http/header-list.ts";
import { printReference } from "../../src/protocol/reference.ts";
import { canonicalRegistry, type Registry } from "../../src/protocol/registry-name.ts";
import type { Ask } from "../../src/registry/ask.ts";
import { type EngineTiming, RegistryEngine } from "../../src/registry/engine.ts";
import type { FindHandler } from "../../src/registry/exchange.ts";
import type { RegistryEvent } from "../../src/registry/registry-event.ts";
import { upstreamHandlers } from "../../src/registry/upstream-handlers.ts";
import type { UpstreamHandlerParts } from "../../src/registry/upstream-parts.ts";
import type { RegistryRequest, RegistryResponse } from "../../src/upstream/registry-client.ts";

export function registryOf(name: string): Registry {
  const canonical = canonicalRegistry(name);
  if (canonical === undefined) throw new TypeError(name);
  return { name: canonical, scheme: "https" };
}

export function askFor(target: string, changes: Partial<Ask> = {}): Ask {
  return {
    registry: registryOf("registry.example"),
    door: "proxy",
    target,
    client: "192.0.2.7",
    view: { repositoryPrefix: "", namespace: undefined },
    isOpen: false,
    ...changes,
  };
}

/** Bytes in memory that count what is read and closed, and fail at an offset if told to. */
export class CountingSource implements ByteSource {
  readonly place: BytePlace = { kind: "file", identity: "counted" };
  readonly size: number | undefined;
  reads = 0;
  bytesRead = 0;
  largestRead = 0;
  closed = 0;
  failure: Error | undefined;
  failAt = Number.POSITIVE_INFINITY;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, size: number | undefined = bytes.length) {
    this.#bytes = bytes;
    this.size = size;
  }

  async read(buffer: Uint8Array, position: number, signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    if (position >= this.failAt) throw this.failure ?? new Error("no bytes");
    const end = Math.min(position + buffer.length, this.failAt, this.#bytes.length);
    buffer.set(this.#bytes.subarray(position, end));
    this.reads += 1;
    this.bytesRead += end - position;
    this.largestRead = Math.max(this.largestRead, end - position);
    return end - position;
  }

  async close(): Promise<void> {
    this.closed += 1;
  }
}

export function contentOf(bytes: Uint8Array, changes: Partial<Content> = {}): Content {
  return {
    kind: "content",
    digest: digestOf(bytes),
    mediaType: undefined,
    source: new CountingSource(bytes),
    outcome: "hit",
    age: undefined,
    warning: undefined,
    ...changes,
  };
}

export function upstreamAnswer(
  status: number,
  headers: Record<string, string | string[]> = {},
  body: string | Uint8Array = "",
): RegistryResponse {
  return { status, headers: headerList(headers), body: Readable.from([Buffer.from(body)]) };
}

export function passedOf(response: RegistryResponse): Passed {
  return { kind: "passed", response, outcome: "bypass" };
}

export type RigOptions = {
  readonly blob?: (ask: BlobAsk) => Promise<Content | Passed>;
  readonly manifest?: (ask: ManifestAsk) => Promise<Content | Passed>;
  readonly send?: (request: RegistryRequest) => Promise<RegistryResponse>;
  readonly ask?: Partial<Ask>;
  readonly parts?: Partial<UpstreamHandlerParts>;
  readonly hosted?: FindHandler;
  readonly timing?: EngineTiming;
};

export type Rig = {
  readonly server: Server;
  readonly port: number;
  readonly events: RegistryEvent[];
  /** What reached the upstream, without bodies. */
  readonly sent: RegistryRequest[];
  readonly pushed: string[];
  readonly fetch: (path: string, options?: FetchOptions) => Promise<Fetched>;
};

/** Ends with the test. */
export async function startRig(options: RigOptions): Promise<Rig> {
  const events: RegistryEvent[] = [];
  const sent: RegistryRequest[] = [];
  const pushed: string[] = [];
  const upstream = upstreamHandlers({
    client: {
      send: async (outgoing) => {
        sent.push(outgoing);
        return options.send?.(outgoing) ?? upstreamAnswer(404);
      },
    },
    pulls: {
      blob: options.blob ?? (async () => passedOf(upstreamAnswer(404))),
      manifest: options.manifest ?? (async () => passedOf(upstreamAnswer(404))),
      list: (ask, send) => send("list", ask.signal),
      writing: async (registry, repository, references) => async (fate) => {
        const ended = fate === "taken" ? "" : ` ${fate}`;
        const names = references.map((reference) => printReference(reference));
        if (fate !== "refused")
          pushed.push(...names.map((name) => `${registry.name}/${repository}:${name}${ended}`));
      },
    },
    accessOf: async (headers) => {
      const authorization = headers.get("authorization")?.[0];
      return authorization === undefined ? { kind: "none" } : { kind: "client", authorization };
    },
    ping: {
      answer: async () => ({ kind: "own", status: 200, headers: new Map(), body: Buffer.alloc(0) }),
    },
    tokens: {
      isTokenRequest: () => false,
      answer: async () => passedOf(upstreamAnswer(404)),
    },
    isPushAllowed: true,
    ...options.parts,
  });
  const engine = new RegistryEngine({
    upstream,
    hosted: options.hosted,
    observe: (event) => events.push(event),
    ...(options.timing === undefined ? {} : { timing: options.timing }),
  });
  const server = createServer((incoming, response) => {
    void engine.handle(incoming, response, askFor(incoming.url ?? "", options.ask));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  const { port } = server.address() as AddressInfo;
  return { server, port, events, sent, pushed, fetch: fetchFrom(port) };
}

type FetchOptions = {
  readonly method?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
};

export type Fetched = {
  readonly status: number;
  readonly reason: string;
  readonly headers: IncomingMessage["headers"];
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  readonly text: string;
};

/** One request on a connection of its own. Rejects when the answer is cut off. */
export function fetchFrom(port: number) {
  return async (path: string, options: FetchOptions = {}): Promise<Fetched> => {
    const { method = "GET", headers = {}, body } = options;
    const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = request({ host: "127.0.0.1", port, path, method, headers, agent: false });
      outgoing.on("response", resolve);
      outgoing.on("error", reject);
      if (body === undefined || typeof body === "string" || body instanceof Uint8Array) {
        outgoing.end(body);
      } else Readable.from(body).pipe(outgoing);
    });
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const whole = Buffer.concat(chunks);
    return {
      status: incoming.statusCode ?? 0,
      reason: incoming.statusMessage ?? "",
      headers: incoming.headers,
      rawHeaders: incoming.rawHeaders,
      body: whole,
      text: whole.toString("utf8"),
    };
  };
}

/** Bytes without a pattern that a mistake could hit upon, the same every time. */
export function bytesOf(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let state = 0x9e3779b9;
  for (let index = 0; index < length; index += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}
