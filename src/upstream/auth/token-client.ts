/**
 * Fetches tokens from token services: once for all who want the same, kept until shortly before they
 * expire. It leaves a service alone that is down or asks for it.
 */

import { formatHostPort, type HostPort } from "../../protocol/http/host-port.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import type { Deadline } from "../../runtime/deadline.ts";
import { FairMap } from "../../runtime/fair-map.ts";
import { Flights, unlessAborted } from "../../runtime/flights.ts";
import type { Tracing } from "../../runtime/tracing.ts";
import type { Outages } from "../down-memory.ts";
import type { Transport } from "../net/transport.ts";
import { RateLimits } from "../rate-limits.ts";
import { abortedBy, upstreamDeadline } from "../upstream-deadline.ts";
import { UpstreamError, type UpstreamErrorCode } from "../upstream-error.ts";
import type { ObserveAuth } from "./auth-event.ts";
import type { Attached } from "./credential.ts";
import { printRealm, realmKey } from "./realm.ts";
import { type ServiceAsk, TokenExchange } from "./token-exchange.ts";
import { TokenLimited } from "./token-limited.ts";
import { parseReply, TokenRefusal } from "./token-reply.ts";

export type TokenAsk = ServiceAsk & {
  /** `brief`: waits a second, then fails while the exchange goes on for the next who asks. */
  readonly patience: "full" | "brief";
  readonly signal: AbortSignal;
  /** To see whether the credential is good now: a token that is kept from before will not do. */
  readonly isProof?: boolean | undefined;
};

export type TokenClientOptions = {
  readonly transport: Pick<Transport, "send">;
  readonly now: () => number;
  /** For waits. */
  readonly clock?: Clock;
  readonly observe: ObserveAuth;
  /** Whether the operator named it: no stranger leads into his own network. */
  readonly isNamed: (address: HostPort) => boolean;
  readonly outages?: Outages | undefined;
  /** Shared with whoever else is told to leave a host alone. */
  readonly rates?: RateLimits | undefined;
  readonly fullMs?: number;
  readonly briefMs?: number;
  readonly tracing?: Tracing | undefined;
};

type Kept = { readonly token: string; readonly until: number };

const safetyMs = 30_000;
const downMs = 15_000;
const maxKept = 10_000;
/** Of all tokens together: how long one is, its service says. */
const maxBytes = 4 * 1024 * 1024;
/** Of the names of services that failed. */
const maxDownBytes = 1024 * 1024;

export class TokenClient {
  readonly #options: TokenClientOptions;
  readonly #kept = new FairMap<string, Kept>({
    limit: maxKept,
    bytes: { limit: maxBytes, of: ({ token }, key) => 300 + token.length + key.length },
  });
  readonly #flights: Flights<string>;
  /** Services that failed a moment ago, and until when a brief ask is not worth its wait. */
  readonly #downUntil = new FairMap<string, number>({
    bytes: { limit: maxDownBytes, of: (_, key) => 200 + key.length },
  });
  readonly #service: TokenExchange;

  constructor(options: TokenClientOptions) {
    this.#options = options;
    this.#flights = new Flights({ tracing: options.tracing, name: "fetch token" });
    const { now, transport, isNamed, rates } = options;
    const own = rates ?? new RateLimits({ now, observe: () => undefined });
    this.#service = new TokenExchange({ transport, isNamed, rates: own });
  }

  /** Throws TokenRefusal when the service says no, UpstreamError when there is no answer to be had. */
  async fetch(ask: TokenAsk): Promise<string> {
    const key = keyOf(ask);
    const kept = this.#kept.get(key);
    const isKept = kept !== undefined && kept.until > this.#options.now();
    if (isKept && ask.isProof !== true) return kept.token;
    this.#refuseForNow(ask);
    // What a stranger's request may not have fetched is fetched for all others.
    const flight = `${ask.began ?? ask.registry.name} ${ask.ledBy ?? ""} ${key}`;
    const work = this.#flights.join(flight, (life) => this.#exchange(key, ask, life));
    return ask.patience === "brief" ? this.#waitBriefly(work, ask) : wait(work, ask);
  }

  /** This token was refused where it should have been good: the next ask fetches another. */
  forget(token: string): void {
    for (const [key, kept] of this.#kept.entries())
      if (kept.token === token) this.#kept.delete(key);
  }

  async close(): Promise<void> {
    for (const [key] of this.#kept.entries()) this.#kept.delete(key);
    await this.#flights.close();
  }

  async #waitBriefly(work: Promise<string>, ask: TokenAsk): Promise<string> {
    const host = hostOf(ask);
    using deadline = this.#limit(ask.signal, host, this.#options.briefMs ?? 900);
    try {
      return await unlessAborted(work, deadline.signal, abortedBy(host));
    } catch (error) {
      const isLate = error instanceof UpstreamError && error.code === "TIMEOUT";
      if (isLate) this.#down(ask, error.code);
      throw error;
    }
  }

  #limit(signal: AbortSignal, host: string, milliseconds: number): Deadline {
    const { clock = systemClock } = this.#options;
    return upstreamDeadline(clock, signal, { host, milliseconds, what: `${host} gave no token` });
  }

  #refuseForNow(ask: TokenAsk): void {
    const host = hostOf(ask);
    const isDown = (this.#downUntil.get(serviceOf(ask)) ?? 0) > this.#options.now();
    if (ask.patience === "brief" && (isDown || this.#options.outages?.isDown(host) === true)) {
      throw new UpstreamError("DOWN", host, `${host} did not answer a moment ago`);
    }
  }

  #down(ask: TokenAsk, code: UpstreamErrorCode): void {
    this.#downUntil.set(serviceOf(ask), this.#options.now() + downMs, ask.from);
    if (ask.isBelieved) this.#options.outages?.failed(hostOf(ask), code);
  }

  async #exchange(key: string, ask: TokenAsk, life: AbortSignal): Promise<string> {
    const host = hostOf(ask);
    const { now, observe, fullMs = 10_000 } = this.#options;
    // Before the time begins to count: a helper that hangs is not the token service's fault.
    const attached = await attach(ask, life);
    const startedAt = now();
    using deadline = this.#limit(life, host, fullMs);
    try {
      const reply = parseReply(host, await this.#service.ask(ask, attached, deadline.signal));
      const until = startedAt + reply.expiresIn * 1000 - safetyMs;
      this.#kept.set(key, { token: reply.token, until }, ask.from);
      ask.credential?.markAccepted();
      this.#downUntil.delete(serviceOf(ask));
      observe({ kind: "tokenFetched", host, isShared: ask.credential?.isClients === false });
      return reply.token;
    } catch (thrown) {
      const error = inFull(deadline.signal.aborted ? deadline.signal.reason : thrown, ask);
      if (!(error instanceof UpstreamError) || error.code === "ABORTED") throw error;
      if (error instanceof TokenLimited) throw error;
      this.#down(ask, error.code);
      observe({ kind: "tokenServiceFailed", host, reason: error.message });
      throw error;
    }
  }
}

/** What failed over https, where the registry named plain http, failed for that. */
function inFull(error: unknown, { realm, registry }: TokenAsk): unknown {
  if (realm.isWrittenPlain !== true || !(error instanceof UpstreamError)) return error;
  if (error.code === "ABORTED" || error instanceof TokenLimited) return error;
  const what = `${registry.name} has its tokens from http://${formatHostPort(realm.address, 443)}`;
  const message = `${what}, which is asked over https alone: ${error.message}`;
  return new UpstreamError(error.code, error.host, message, { cause: error, isLed: error.isLed });
}

/** Throws TokenRefusal where the credential has no login to give. */
async function attach(ask: TokenAsk, signal: AbortSignal): Promise<Attached | undefined> {
  const { realm, registry, credential } = ask;
  if (credential === undefined) return undefined;
  const to = { scheme: realm.scheme, address: realm.address, registry };
  const attached = await credential.attachTo(to, signal);
  if (attached !== undefined) return attached;
  throw new TokenRefusal(hostOf(ask), { status: 401, body: Buffer.alloc(0) });
}

/** A registry may name another's token host, for a path that is never answered. */
function serviceOf(ask: TokenAsk): string {
  return `${ask.registry.name} ${realmKey(ask.realm)}`;
}

function wait(work: Promise<string>, ask: TokenAsk): Promise<string> {
  return unlessAborted(work, ask.signal, abortedBy(hostOf(ask)));
}

function hostOf(ask: TokenAsk): string {
  return formatHostPort(ask.realm.address, 443);
}

function keyOf(ask: TokenAsk): string {
  const { registry, realm, service, scopes, credential } = ask;
  const realmText = printRealm(realm);
  const who = credential?.id ?? "";
  return JSON.stringify([registry.name, registry.scheme, realmText, service, scopes, who]);
}
