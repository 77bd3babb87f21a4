/** A registry that has whatever it is asked for, long fields and all: what a stranger could run. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { digestOf } from "../../../src/protocol/digest.ts";

const ociManifest = "application/vnd.oci.image.manifest.v1+json";
const padding = "x".repeat(2_000);

const none = Buffer.alloc(0);

type Said = {
  readonly status: number;
  readonly fields?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
};

export class AnyRegistry {
  readonly #server: Server;
  /** Blobs that somebody is about to ask for. */
  readonly #blobs = new Map<string, Buffer>();
  requests = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.requests += 1;
      request.resume();
      request.once("end", () => this.#answer(request, response));
    });
  }

  static async start(): Promise<AnyRegistry> {
    const registry = new AnyRegistry();
    await new Promise<void>((resolve) => registry.#server.listen(0, "127.0.0.1", resolve));
    return registry;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** A blob of its own; older ones are there no more. */
  addBlob(seed: string, size: number): string {
    const bytes = Buffer.alloc(size, seed);
    const digest = digestOf(bytes);
    this.#blobs.set(digest, bytes);
    const [oldest] = this.#blobs.keys();
    if (this.#blobs.size > 200 && oldest !== undefined) this.#blobs.delete(oldest);
    return digest;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { status, fields = {}, body = none } = this.#said(request);
    response.writeHead(status, { "content-length": body.length, ...fields });
    response.end(request.method === "HEAD" ? undefined : body);
  }

  #said(request: IncomingMessage): Said {
    const { url = "/", method = "GET" } = request;
    const [, , kind = "", reference = ""] = /^\/v2\/(.+)\/([a-z]+)\/([^?]*)/.exec(url) ?? [];
    if (url.includes("/uploads/")) return upload(method, url);
    const why = { "x-why": padding };
    if (url.includes("missing")) return { status: 404, fields: why, body: Buffer.from(padding) };
    if (url.includes("limited"))
      return { status: 429, fields: { "retry-after": "60", ...why }, body: Buffer.from(padding) };
    if (kind === "tags")
      return { status: 200, fields: { "content-type": "application/json" }, body: list(url) };
    if (kind === "manifests") return given(url);
    if (kind === "blobs") return this.#blob(request, reference);
    if (url !== "/v2/") return { status: 404 };
    return { status: 200, fields: { "docker-distribution-api-version": "registry/2.0" } };
  }

  #blob({ headers }: IncomingMessage, digest: string): Said {
    const body = this.#blobs.get(digest);
    if (body === undefined) return { status: 404 };
    const start = Number(/^bytes=(\d+)-/.exec(headers.range ?? "")?.[1] ?? Number.NaN);
    if (Number.isNaN(start)) return { status: 200, body };
    const range = `bytes ${start}-${body.length - 1}/${body.length}`;
    return { status: 206, fields: { "content-range": range }, body: body.subarray(start) };
  }
}

function upload(method: string, url: string): Said {
  const [path = ""] = url.split("?", 1);
  const session = path.endsWith("/uploads/") ? `${path}${Math.random()}` : path;
  if (method === "PUT") return { status: 201 };
  return { status: 202, fields: { location: session, range: "0-0" } };
}

function given(url: string): Said {
  const body = manifest(url);
  const type = `${ociManifest}; why=${padding}`;
  return {
    status: 200,
    fields: { "content-type": type, "docker-content-digest": digestOf(body) },
    body,
  };
}

function manifest(url: string): Buffer {
  const annotations = { url, padding };
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: ociManifest, annotations }));
}

function list(url: string): Buffer {
  const tags = Array.from({ length: 500 }, (_, index) => `tag-${index}-of-${url.length}`);
  return Buffer.from(JSON.stringify({ name: "any", tags }));
}
