/**
 * One HTTP exchange with one origin: no redirects, no credentials of its own. A request that may be sent
 * twice is tried a second time, on a new connection, when the first failed; any other finds no connection
 * that was kept for long. Every failure comes out as an UpstreamError.
 */

import { Readable } from "node:stream";
import type { TLSSocket } from "node:tls";
import {
  endToEnd,
  type HeaderList,
  headerValue,
  printHeaders,
} from "../../protocol/http/header-list.ts";
import { formatHostPort, type HostPort } from "../../protocol/http/host-port.ts";
import type { RegistryName, Scheme } from "../../protocol/registry-name.ts";
import { BoundedMap } from "../../runtime/bounded-map.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import type { Tracing } from "../../runtime/tracing.ts";
import { borrowed } from "../body.ts";
import type { Patience } from "../registry-client.ts";
import { abortedError } from "../upstream-deadline.ts";
import { UpstreamError } from "../upstream-error.ts";
import type { ObserveUpstream, Purpose } from "../upstream-event.ts";
import type { DialOptions } from "./dial.ts";
import type { OriginPools } from "./dispatcher.ts";
import { follow } from "./followed-exchange.ts";
import { type Answered, OneAnswer } from "./one-answer.ts";
import { Places } from "./places.ts";
import { budgetOf, type TransportLimits, usualLimits } from "./transport-limits.ts";
import { WideBodies } from "./wide-bodies.ts";

export type Outgoing = {
  readonly scheme: Scheme;
  readonly address: HostPort;
  /** The registry in whose name; decides with `address` what may be dialled. */
  readonly onBehalfOf: RegistryName;
  /** The stranger who leads there, if any does: decides in its place what may be dialled. */
  readonly ledBy?: RegistryName | undefined;
  /** What it is for; `other` where nobody says. */
  readonly asked?: Purpose | undefined;
  /** The address of the client that it is for; undefined when it is for nobody in particular. */
  readonly client?: string | undefined;
  readonly method: string;
  /** Origin-form. */
  readonly target: string;
  /** Hop-by-hop fields and Host are left out; Authorization goes as it stands. */
  readonly headers: HeaderList;
  readonly body?: AsyncIterable<Uint8Array> | undefined;
  /** Whatever the method: its body can be read twice, and sending it twice does no harm. */
  readonly isRepeatable?: boolean | undefined;
  readonly patience: Patience;
  /** The connection itself is wanted, once both sides agree to speak this on it. */
  readonly upgrade?: "websocket" | undefined;
  /** Ends the wait for headers, and afterwards the body. */
  readonly signal: AbortSignal;
};

export type TransportOptions = {
  readonly pools: OriginPools;
  readonly observe: ObserveUpstream;
  readonly now: () => number;
  /** Asks nobody: everything fails at once, as if the network were gone. */
  readonly isOffline?: boolean;
  /** For waits. */
  readonly clock?: Clock;
  readonly limits?: Partial<TransportLimits>;
  readonly places?: Places;
  readonly tracing?: Tracing | undefined;
};

type Attempt = Outgoing & { readonly isOdd: boolean; readonly isFresh?: boolean };

const oddMs = 3_600_000;
/** So many bytes of a body are worth telling of before its end. */
const tellingBytes = 1024 * 1024;

/** Never sent, beside hop-by-hop fields: undici writes Host and connection fields itself. */
const neverSent: ReadonlySet<string> = new Set(["host", "expect", "proxy-authorization"]);
/** Sending these twice does what sending them once does (RFC 9110 §9.2.2). */
const idempotent: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

export class Transport {
  readonly #options: TransportOptions;
  readonly #limits: TransportLimits;
  readonly #places: Places;
  readonly #clock: Clock;
  readonly #wide: WideBodies;
  /** Origins whose heads have to be mended. */
  readonly #oddUntil = new BoundedMap<string, number>({ limit: 1_000 });

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#limits = { ...usualLimits, ...options.limits };
    this.#places = options.places ?? new Places();
    this.#wide = new WideBodies(this.#clock.after);
  }

  /** Resolves at the headers, whatever the status. Throws UpstreamError. */
  async send(outgoing: Outgoing): Promise<Answered> {
    if (this.#options.isOffline === true) throw offlineError(formatHostPort(outgoing.address, 443));
    const started = this.#options.now();
    const isOdd = this.#isOdd(outgoing);
    try {
      return await this.#placed({ ...outgoing, isOdd }, 0);
    } catch (error) {
      const spent = this.#options.now() - started;
      if (spent >= budgetOf(this.#limits, outgoing)) throw error;
      if (!isOdd && mayBeOdd(outgoing, error)) return await this.#mended(outgoing, spent, error);
      if (!mayRetry(outgoing, error)) throw error;
      // Where one kept connection was closed meanwhile, the next one was too.
      return await this.#placed({ ...outgoing, isOdd, isFresh: true }, spent);
    }
  }

  #isOdd(outgoing: Outgoing): boolean {
    return (this.#oddUntil.get(originOf(outgoing)) ?? 0) > this.#options.now();
  }

  /** What it takes to read such an origin is remembered, as it costs two requests to find out. */
  async #mended(outgoing: Outgoing, spent: number, first: unknown): Promise<Answered> {
    const answer = await this.#placed({ ...outgoing, isOdd: true }, spent).catch(() => undefined);
    if (answer === undefined) throw first;
    this.#oddUntil.set(originOf(outgoing), this.#options.now() + oddMs);
    return answer;
  }

  /** Throws UpstreamError where the address may not be dialled in that registry's name. */
  async check(address: HostPort, asked: DialOptions): Promise<void> {
    if (this.#options.isOffline !== true) await this.#options.pools.check(address, asked);
  }

  /** Takes over a connection that the dialer made to a registry in its own name. */
  offer(address: HostPort, socket: TLSSocket): void {
    this.#options.pools.offer(address, socket);
  }

  /** The place is given back when nothing more comes, be the answer read by then or not. */
  async #placed(outgoing: Attempt, spent: number): Promise<Answered> {
    const { leave, signal } = await this.#places.take(outgoing);
    const followed = this.#options.tracing && follow(this.#options.tracing, outgoing);
    const headers = followed?.fieldsOf(outgoing) ?? outgoing.headers;
    const over = (): void => {
      leave();
      followed?.over();
    };
    try {
      const answer = await this.#attempt({ ...outgoing, headers, signal }, spent, over);
      followed?.answered(answer.status);
      return answer;
    } catch (error) {
      leave();
      followed?.failed(error);
      throw error;
    }
  }

  async #attempt(outgoing: Attempt, spent: number, onOver: () => void): Promise<Answered> {
    const { signal, method, address, scheme, onBehalfOf, ledBy, body, isOdd, isFresh } = outgoing;
    const host = formatHostPort(address, 443);
    if (signal.aborted) throw abortedError(host, signal);
    const started = this.#options.now();
    const switches = outgoing.upgrade !== undefined;
    const isOnce = isOdd || isFresh === true;
    const { dispatcher, pathPrefix, headers } = this.#options.pools.outlet({
      ...{ scheme, address, onBehalfOf, ledBy, isOdd, isFresh, switches },
      isForOneTry: !isRepeatable(outgoing),
    });
    const exchange = new OneAnswer({
      host,
      method,
      hasBody: body !== undefined,
      signal,
      ...{ clock: this.#clock, wide: this.#wide },
      connectMs: outgoing.patience === "brief" ? this.#limits.briefConnect : undefined,
      headersMs: Math.max(1, budgetOf(this.#limits, outgoing) - spent),
      uploadIdleMs: this.#limits.uploadIdle,
      onReceived: this.#received(onBehalfOf),
      onOver,
    });
    dispatcher.dispatch(
      {
        path: pathPrefix + outgoing.target,
        method,
        headers: [...printHeaders(sendable(outgoing)), ...headers],
        body: body === undefined ? null : Readable.from(borrowed(body), { objectMode: false }),
        // Undici would close the connection after every HEAD.
        ...(method === "HEAD" || isOnce ? { reset: isOnce } : {}),
        ...(outgoing.upgrade === undefined ? {} : { upgrade: outgoing.upgrade }),
        ...(outgoing.patience === "open" ? { bodyTimeout: this.#limits.openIdle } : {}),
      },
      exchange,
    );
    return await this.#told(exchange.response, { outgoing, host, started, pathPrefix });
  }

  async #told(
    answer: Promise<Answered>,
    of: { outgoing: Outgoing; host: string; started: number; pathPrefix: string },
  ): Promise<Answered> {
    const { host, started } = of;
    const { method, onBehalfOf: registry, asked = "other" } = of.outgoing;
    const tell = (status: number | UpstreamError["code"]): void =>
      this.#options.observe({
        kind: "exchanged",
        ...{ host, registry, asked, method, status },
        milliseconds: this.#options.now() - started,
      });
    try {
      const response = await answer;
      tell(response.status);
      if (response.status !== 407 || of.pathPrefix === "") return response;
      response.body.destroy();
      throw new UpstreamError(
        "CONNECT",
        host,
        `the corporate proxy on the way to ${host} wants another login (407)`,
      );
    } catch (error) {
      if (error instanceof UpstreamError) tell(error.code);
      throw error;
    }
  }

  /** Tells of bytes that came, not each time any do. */
  #received(registry: RegistryName): (bytes: number, isEnd: boolean) => void {
    let untold = 0;
    return (bytes, isEnd) => {
      untold += bytes;
      if (untold === 0 || (!isEnd && untold < tellingBytes)) return;
      this.#options.observe({ kind: "received", registry, bytes: untold });
      untold = 0;
    };
  }
}

/** A connection that was never made, or was closed before the headers of a harmless request. */
function mayRetry(outgoing: Outgoing, error: unknown): boolean {
  const { body, signal } = outgoing;
  if (signal.aborted || !(error instanceof UpstreamError)) return false;
  if (error.code === "CONNECT" && body === undefined) return true;
  return (error.code === "CONNECT" || error.code === "RESET") && isRepeatable(outgoing);
}

function isRepeatable({ method, body, isRepeatable: isSaidSo = false }: Outgoing): boolean {
  return isSaidSo || (body === undefined && idempotent.has(method));
}

/** The answer's head made no sense, which may be mended where asking again does no harm. */
function mayBeOdd({ method, body, signal }: Outgoing, error: unknown): boolean {
  if (body !== undefined || signal.aborted || !idempotent.has(method)) return false;
  return error instanceof UpstreamError && error.code === "PROTOCOL";
}

function originOf({ scheme, address }: Outgoing): string {
  return `${scheme}://${formatHostPort(address)}`;
}

function sendable({ headers, body }: Outgoing): HeaderList {
  const kept = new Map(endToEnd(headers));
  for (const name of neverSent) kept.delete(name);
  // Undici counts an absent body itself, and refuses more than one length.
  const length = headerValue(headers, "content-length");
  if (body === undefined || length === undefined) kept.delete("content-length");
  else kept.set("content-length", [length]);
  return kept;
}

function offlineError(host: string): UpstreamError {
  const message = `${host} is not asked, since OFFLINE is set on the proxy; this is not kept here`;
  return new UpstreamError("OFFLINE", host, message);
}
