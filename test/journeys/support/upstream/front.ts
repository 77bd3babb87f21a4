/**
 * What stands before a docker-registry to make it look like one on the internet: TLS on 443 under
 * its public names, a token service, blobs sent on to a CDN host that refuses Authorization as S3
 * does. Every request goes into the ledger.
 */
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { type IncomingMessage, request as plainRequest, type ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { setTimeout } from "node:timers/promises";
import type { Certificate } from "../../../support/certificates.ts";
import type { Ledger, LedgerEntry } from "./ledger.ts";
import type { LookAlike } from "./look-alikes.ts";
import { type TokenService, userOf } from "./token-service.ts";

/** May be changed while something is being sent. */
export type Pace = { bytesPerSecond: number | undefined };

/** What a host does in place of answering; may come and go at any time. */
export type Trouble = "silence" | TooMany;

/** 429, with this Retry-After if there is one. */
export type TooMany = { readonly retryAfter: string | undefined };

export type FrontOptions = {
  readonly lookAlike: LookAlike;
  readonly tokens: TokenService;
  readonly ledger: Ledger;
  readonly pace: Pace;
  /** By host; a host that is not in it is well. */
  readonly troubles: ReadonlyMap<string, Trouble>;
  /** Of the docker-registry behind. */
  readonly port: number;
  readonly storage: string;
};

type Exchange = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly entry: LedgerEntry;
};

/** Listens for one host name on port 443 of its address. */
export async function openFront(
  host: string,
  address: string,
  certificate: Certificate,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Server> {
  const server = createServer({ cert: certificate.cert, key: certificate.key }, answer);
  server.listen(443, address);
  await once(server, "listening").catch((cause) => {
    throw new Error(`${host} cannot be played on ${address}:443: ${cause}`, { cause });
  });
  return server;
}

export class Front {
  readonly #options: FrontOptions;

  constructor(options: FrontOptions) {
    this.#options = options;
  }

  /** Answers a request that came for this host. Never throws: a client may leave at any time. */
  answer(host: string, request: IncomingMessage, response: ServerResponse): void {
    const { method = "GET", url: path = "/", headers } = request;
    const entry = this.#options.ledger.add({
      host,
      method,
      path,
      status: 0,
      bytes: 0,
      hasAuthorization: headers.authorization !== undefined,
      user: userOf(headers.authorization),
      userAgent: headers["user-agent"] ?? "",
    });
    const exchange = { request, response, url: new URL(path, `https://${host}`), entry };
    void this.#route(host, exchange).catch((error) => response.destroy(error));
  }

  async #route(host: string, exchange: Exchange): Promise<void> {
    const { lookAlike, troubles } = this.#options;
    const trouble = troubles.get(host);
    if (trouble === "silence") return;
    if (trouble !== undefined) return tooMany(exchange, trouble);
    const { pathname } = exchange.url;
    if (`${host}${pathname}` === lookAlike.realm) return this.#token(exchange);
    if (host === lookAlike.cdn) return this.#cdn(exchange);
    if (host !== lookAlike.registry && host !== lookAlike.alias) {
      return finish(exchange, 404, {}, "nothing here");
    }
    const isRead = exchange.entry.method === "GET" || exchange.entry.method === "HEAD";
    const isBlob = /^\/v2\/.+\/blobs\/sha256:[0-9a-f]{64}$/.test(pathname);
    return isRead && isBlob ? this.#blob(exchange) : this.#registry(exchange);
  }

  /** By GET with a login, or by POST with a form that has it (distribution spec/auth/oauth.md). */
  async #token({ request, url, entry, ...its }: Exchange): Promise<void> {
    const isForm = entry.method === "POST";
    const asked = isForm ? new URLSearchParams(await text(request)) : url.searchParams;
    const scopes = asked.getAll("scope").flatMap((scope) => scope.split(" "));
    const authorization = isForm ? loginIn(asked) : request.headers.authorization;
    const { status, body } = this.#options.tokens.answer(authorization, scopes);
    const isOffline =
      asked.get("offline_token") === "true" || asked.get("access_type") === "offline";
    const isGiven = status === 200 && isOffline && this.#options.lookAlike.hasIdentityTokens;
    const identity = { refresh_token: authorization?.replace("Basic ", "identity-") };
    const reply = JSON.stringify(isGiven ? { ...body, ...identity } : body);
    finish({ request, url, entry, ...its }, status, { "content-type": "application/json" }, reply);
  }

  /** Whoever may read it according to the registry is sent to the CDN with a signed URL. */
  async #blob(exchange: Exchange): Promise<void> {
    const asked = await this.#ask(exchange, "HEAD");
    asked.resume();
    if (asked.statusCode !== 200) return this.#registry(exchange);
    const digest = exchange.url.pathname.slice(exchange.url.pathname.lastIndexOf("/") + 1);
    const signature = "X-Amz-Signature=CANARY-signature&X-Amz-Expires=1200";
    const location = `https://${this.#options.lookAlike.cdn}/cdn/${digest}?${signature}`;
    finish(exchange, 307, { location, "docker-distribution-api-version": "registry/2.0" }, "");
  }

  async #cdn(exchange: Exchange): Promise<void> {
    const { entry, url, request } = exchange;
    if (entry.hasAuthorization) return finish(exchange, 400, {}, "Only one auth mechanism allowed");
    if (!url.searchParams.has("X-Amz-Signature")) return finish(exchange, 403, {}, "AccessDenied");
    const hex = /^\/cdn\/sha256:([0-9a-f]{64})$/.exec(url.pathname)?.[1] ?? "none";
    const file = join(this.#options.storage, blobPath(hex));
    const size = (await stat(file).catch(() => undefined))?.size;
    if (size === undefined) return finish(exchange, 404, {}, "NoSuchKey");
    const part = partOf(request.headers.range, size);
    entry.status = part === undefined ? 200 : 206;
    const { start, end } = part ?? { start: 0, end: size };
    exchange.response.writeHead(entry.status, {
      "content-length": String(end - start),
      "content-type": "application/octet-stream",
      "accept-ranges": "bytes",
      ...(part === undefined ? {} : { "content-range": `bytes ${start}-${end - 1}/${size}` }),
    });
    if (entry.method === "HEAD") exchange.response.end();
    else {
      const bytes = createReadStream(file, { start, end: end - 1, highWaterMark: 262_144 });
      await send(paced(bytes, this.#options.pace), exchange);
    }
  }

  /** Everything else is the registry's own answer. */
  async #registry(exchange: Exchange): Promise<void> {
    const answer = await this.#ask(exchange, exchange.entry.method);
    exchange.entry.status = answer.statusCode ?? 0;
    exchange.response.writeHead(exchange.entry.status, answer.rawHeaders);
    await send(answer, exchange);
  }

  async #ask({ request, url }: Exchange, method: string): Promise<IncomingMessage> {
    const { port, lookAlike } = this.#options;
    const headers = { ...request.headers, host: lookAlike.registry, "x-forwarded-proto": "https" };
    const path = `${url.pathname}${url.search}`;
    const asked = plainRequest({ host: "127.0.0.1", port, method, path, headers });
    if (method === "HEAD") asked.end();
    else request.pipe(asked);
    const [answer] = await once(asked, "response");
    return answer;
  }
}

function tooMany(exchange: Exchange, { retryAfter }: TooMany): void {
  const errors = [{ code: "TOOMANYREQUESTS", message: "You have reached your pull rate limit." }];
  const headers = retryAfter === undefined ? undefined : { "retry-after": retryAfter };
  const body = JSON.stringify({ errors });
  finish(exchange, 429, { "content-type": "application/json", ...headers }, body);
}

/** Of one range; several are answered with everything, as S3 does. */
function partOf(
  range: string | undefined,
  size: number,
): { readonly start: number; readonly end: number } | undefined {
  const [, from = "", to = ""] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
  if (from === "" || Number(from) >= size) return undefined;
  return { start: Number(from), end: to === "" ? size : Math.min(Number(to) + 1, size) };
}

/** Where docker-registry's file system driver keeps a blob's bytes. */
export function blobPath(hex: string): string {
  return `docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`;
}

function finish(
  { response, entry }: Exchange,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): void {
  entry.status = status;
  const length = String(Buffer.byteLength(body));
  response.writeHead(status, { "content-length": length, ...headers });
  if (entry.method === "HEAD") response.end();
  else {
    entry.bytes += Buffer.byteLength(body);
    response.end(body);
  }
}

async function* paced(body: AsyncIterable<Buffer>, pace: Pace): AsyncGenerator<Buffer> {
  for await (const piece of body) {
    yield piece;
    const { bytesPerSecond } = pace;
    if (bytesPerSecond !== undefined) await setTimeout((piece.length * 1_000) / bytesPerSecond);
  }
}

async function send(body: AsyncIterable<Buffer>, { response, entry }: Exchange): Promise<void> {
  const counted = async function* () {
    for await (const piece of body) {
      entry.bytes += piece.length;
      yield piece;
    }
  };
  await pipeline(counted, response);
}

/** Of a form: a user and his password, or the identity token that stands for both. */
function loginIn(form: URLSearchParams): string | undefined {
  const identity = form.get("refresh_token");
  if (identity !== null) return identity.replace(/^identity-/, "Basic ");
  const [user, password] = [form.get("username"), form.get("password")];
  return user === null
    ? undefined
    : `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}
