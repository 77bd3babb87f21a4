/**
 * A registry with real sockets that misbehaves on command. It records every request and how many
 * body bytes each was sent; blobs are there for every repository, also at `/cdn/DIGEST`, which
 * refuses Authorization as S3 does.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import type { Digest } from "../../src/protocol/digest.ts";
import type { HostPort } from "../../src/protocol/http/host-port.ts";
import { type Registry, registryNameOf } from "../../src/protocol/registry-name.ts";
import { type Certificate, makeCertificate } from "./certificates.ts";
import { type Answer, writeAnswer } from "./fake-registry/answer.ts";
import { type Auth, Gatekeeper, type Identity, type TokenRequest } from "./fake-registry/auth.ts";
import { Content, type Conversion, failure, json, ociManifest } from "./fake-registry/content.ts";
import { type Fault, FaultScript, type When } from "./fake-registry/fault.ts";

export type FakeRegistryOptions = {
  readonly auth?: Auth;
  /** HTTPS: with a certificate of its own for localhost and the loopback addresses, or this one. */
  readonly tls?: true | Certificate;
  /** Address to listen on (default 127.0.0.1) and port (default: any). */
  readonly host?: string;
  readonly port?: number;
};

export type SeenRequest = {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  /** Of the request. */
  readonly body: Buffer;
  /** Who the registry takes the sender for. */
  readonly identity: Identity;
  /** Of the answer; undefined until its headers are out. */
  status: number | undefined;
  bytesSent: number;
};

/** Started; closed by itself at the end of a test, by `close()` elsewhere. */
export async function startFakeRegistry(options: FakeRegistryOptions = {}): Promise<FakeRegistry> {
  const tls =
    options.tls === true ? makeCertificate(["localhost", "127.0.0.1", "::1"]) : options.tls;
  const server =
    tls === undefined ? createServer() : createTlsServer({ cert: tls.cert, key: tls.key });
  const registry = new FakeRegistry(server, options.auth ?? { kind: "none" }, tls);
  const listening = Promise.withResolvers<void>();
  server.once("error", listening.reject);
  server.listen(options.port ?? 0, options.host ?? "127.0.0.1", listening.resolve);
  await listening.promise;
  try {
    onTestFinished(() => registry.close());
  } catch {
    // Vitest throws when no test is running, as in beforeAll: the caller closes it then.
  }
  return registry;
}

export class FakeRegistry {
  readonly requests: SeenRequest[] = [];
  /** The authority to trust, when it speaks TLS. */
  readonly ca: string | undefined;
  readonly #server: Server;
  readonly #content = new Content();
  readonly #faults = new FaultScript();
  readonly #gatekeeper: Gatekeeper;
  /** Whose tokens `/token` gives. */
  #issuer: Gatekeeper;
  #connections = 0;

  constructor(server: Server, auth: Auth, tls: Certificate | undefined) {
    this.#server = server;
    this.ca = tls?.ca;
    this.#gatekeeper = new Gatekeeper(auth, () => this.origin);
    this.#issuer = this.#gatekeeper;
    server.on("connection", () => {
      this.#connections += 1;
    });
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      void this.#answer(request, response).catch((error) => response.destroy(error));
    });
  }

  get address(): HostPort {
    const { address, port } = this.#server.address() as AddressInfo;
    return { host: address, port };
  }

  /** `127.0.0.1:PORT` */
  get host(): string {
    const { host, port } = this.address;
    return `${host.includes(":") ? `[${host}]` : host}:${port}`;
  }

  get origin(): string {
    return `${this.ca === undefined ? "http" : "https"}://${this.host}`;
  }

  /** As the rooms name it. */
  get registry(): Registry {
    const scheme = this.ca === undefined ? "http" : "https";
    return { name: registryNameOf(this.address), scheme };
  }

  /** TCP connections accepted so far. */
  get connections(): number {
    return this.#connections;
  }

  get tokenRequests(): readonly TokenRequest[] {
    return this.#gatekeeper.tokenRequests;
  }

  addBlob(bytes: Uint8Array): Digest {
    return this.#content.addBlob(bytes);
  }

  /** A value is printed as JSON, text and bytes are kept as they are. The tag moves if it exists. */
  addManifest(
    repository: string,
    tag: string | undefined,
    value: unknown,
    mediaType: string = mediaTypeOf(value),
  ): Digest {
    const isRaw = typeof value === "string" || value instanceof Uint8Array;
    const bytes = Buffer.from(isRaw ? value : JSON.stringify(value));
    return this.#content.addManifest(repository, tag, { bytes, mediaType });
  }

  /** As old registries do: who does not read the tag's own type gets this, until the tag moves. */
  convertTag(repository: string, tag: string, conversion: Conversion): void {
    this.#content.convertTag(repository, tag, conversion);
  }

  removeTag(repository: string, tag: string): void {
    this.#content.removeTag(repository, tag);
  }

  removeBlob(digest: Digest): void {
    this.#content.removeBlob(digest);
  }

  /** A pushed or added blob's bytes. */
  blobBytes(digest: Digest): Buffer | undefined {
    return this.#content.blobs.get(digest);
  }

  cdnUrl(digest: string): string {
    return `${this.origin}/cdn/${digest}`;
  }

  /** From now on requests that match get these faults; later instructions win over earlier ones. */
  misbehave(when: When, ...how: readonly Fault[]): void {
    this.#faults.add(when, how);
  }

  behave(): void {
    this.#faults.clear();
  }

  /** From now on this is the token service of another registry. */
  issueTokensFor(other: FakeRegistry): void {
    this.#issuer = other.#gatekeeper;
  }

  revokeTokens(): void {
    this.#gatekeeper.revokeTokens();
  }

  /** How many requests came, of those that match. */
  count(wanted: { method?: string; path?: string | RegExp; status?: number } = {}): number {
    return this.requests.filter(
      ({ method, url, status }) =>
        (wanted.method ?? method) === method &&
        (wanted.status ?? status) === status &&
        isPath(url, wanted.path),
    ).length;
  }

  /** Ends every connection. May be called twice. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = Promise.withResolvers<void>();
    this.#server.close(() => closed.resolve());
    this.#server.closeAllConnections();
    await closed.promise;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "GET", url = "/", headers } = request;
    const body = await readAll(request);
    const seen: SeenRequest = {
      ...{ method, url, headers, body, status: undefined, bytesSent: 0 },
      identity: this.#gatekeeper.identity(headers.authorization),
    };
    this.requests.push(seen);
    const hasRange = headers.range !== undefined;
    const faults = this.#faults.take({ method, path: url, hasRange });
    const onSent = (bytes: number) => {
      seen.bytesSent += bytes;
    };
    await writeAnswer({ request, response, faults, onSent }, this.#rightAnswer(seen));
    if (response.headersSent) seen.status = response.statusCode;
  }

  #rightAnswer(seen: SeenRequest): Answer {
    const { method, url, headers, body, identity } = seen;
    const path = url.replace(/\?.*$/, "");
    const { authorization } = headers;
    if (path === "/token" || path === "/v2/token" || path === this.#issuer.tokenPath) {
      return this.#issuer.token({ method, url, authorization, form: body.toString() });
    }
    if (path.startsWith("/cdn/")) {
      if (authorization !== undefined) return failure(400, "INVALID_ARGUMENT");
      return this.#content.blob(path.slice(5));
    }
    const refusal = this.#gatekeeper.refusal(authorization, scopeOf(method, path));
    if (refusal !== undefined) return refusal;
    const version = { "docker-distribution-api-version": "registry/2.0" };
    const session = this.#gatekeeper.session(identity);
    const answer = this.#route(seen, path);
    return { ...answer, headers: { ...version, ...session, ...answer.headers } };
  }

  #route(seen: SeenRequest, path: string): Answer {
    if (path === "/v2/") return json(200, {});
    if (path === "/v2/_catalog") return this.#content.catalog();
    const match = /^\/v2\/(.+?)\/(manifests|blobs|tags|referrers)\/(.*)$/.exec(path);
    const [, repository = "", kind, rest = ""] = match ?? [];
    if (kind === "tags") return this.#content.tags(repository);
    if (kind === "referrers") return json(200, { schemaVersion: 2, manifests: [] });
    if (kind === "manifests") return this.#manifest(seen, repository, rest);
    if (kind === "blobs" && rest.startsWith("uploads/")) {
      return this.#upload(seen, repository, rest.slice(8));
    }
    return kind === "blobs" ? this.#content.blob(rest) : failure(404, "NOT_FOUND");
  }

  #manifest(seen: SeenRequest, repository: string, reference: string): Answer {
    if (seen.method === "PUT") {
      const mediaType = seen.headers["content-type"] ?? ociManifest;
      return this.#content.putManifest(repository, reference, { bytes: seen.body, mediaType });
    }
    return this.#content.manifest(repository, reference, seen.headers);
  }

  #upload(seen: SeenRequest, repository: string, id: string): Answer {
    if (seen.method === "POST") return this.#content.startUpload(repository);
    if (seen.method === "PATCH") return this.#content.appendUpload(repository, id, seen.body);
    const digest = new URL(seen.url, "http://fake").searchParams.get("digest") ?? "";
    return this.#content.finishUpload(repository, id, { bytes: seen.body, digest });
  }
}

function mediaTypeOf(value: unknown): string {
  const isObject = typeof value === "object" && value !== null;
  const named = isObject && "mediaType" in value ? value.mediaType : undefined;
  return typeof named === "string" ? named : ociManifest;
}

function isPath(url: string, wanted: string | RegExp | undefined): boolean {
  if (wanted === undefined) return true;
  return typeof wanted === "string" ? url.replace(/\?.*$/, "") === wanted : wanted.test(url);
}

/** What a token must be good for; undefined for `/v2/`. */
function scopeOf(method: string, path: string): string | undefined {
  if (path === "/v2/_catalog") return "registry:catalog:*";
  const repository = /^\/v2\/(.+?)\/(?:manifests|blobs|tags|referrers)\//.exec(path)?.[1];
  if (repository === undefined) return undefined;
  return `repository:${repository}:${method === "GET" || method === "HEAD" ? "pull" : "push"}`;
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces);
}
