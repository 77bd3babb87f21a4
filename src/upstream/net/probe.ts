/**
 * Finds out what stands behind an address that nobody named: whether it is a registry, and whether its
 * TLS can be trusted. Each is asked once and remembered; neither question carries a credential.
 */

import { challengeOf, parseChallenges } from "../../protocol/http/challenge.ts";
import { headerList, headerValue } from "../../protocol/http/header-list.ts";
import { formatHostPort, type HostPort } from "../../protocol/http/host-port.ts";
import {
  type Registry,
  registryAddress,
  registryAt,
  registryNameOf,
  type Scheme,
} from "../../protocol/registry-name.ts";
import { BoundedMap } from "../../runtime/bounded-map.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { afterWaiting } from "../../runtime/deadline.ts";
import { FairPlaces } from "../../runtime/fair-places.ts";
import { discard } from "../body.ts";
import type { Outages } from "../down-memory.ts";
import type { RegistryResponse } from "../registry-client.ts";
import { siteOf } from "../site.ts";
import { abortedError, upstreamDeadline } from "../upstream-deadline.ts";
import { UpstreamError, type UpstreamErrorCode } from "../upstream-error.ts";
import type { Dialer } from "./dial.ts";
import { Remembered } from "./remembered.ts";
import type { Transport } from "./transport.ts";

export type ProbeOptions = {
  readonly transport: Transport;
  readonly dialer: Dialer;
  readonly now: () => number;
  /** For waits. */
  readonly clock?: Clock;
  /** Looks at nobody: every peer is unreachable, and no registry is found that was not known before. */
  readonly isOffline?: boolean;
  /** When a registry there last spoke to us, in an earlier life of this program too. */
  readonly seenAt?: ((registry: Registry) => number | undefined) | undefined;
  /** Told of each registry found, with its WWW-Authenticate lines. */
  readonly found?: ((registry: Registry, challenge: readonly string[]) => void) | undefined;
  /** Told of hosts that do not let themselves be looked at. */
  readonly outages?: Outages | undefined;
  /** How long a caller waits for a look at a peer before it is taken for unreachable. */
  readonly patienceMs?: number | undefined;
};

/** `plain`: it answered with bytes that are no TLS; `closed`: it hung up. */
export type PeerTls = "trusted" | "untrusted" | "plain" | "closed" | "unreachable";

type Handshake = {
  readonly peer: PeerTls;
  readonly reason: string | undefined;
  /** It speaks TLS, though it may be out of reach now. */
  readonly isTls?: boolean | undefined;
};

const second = 1_000;
const minute = 60 * second;
const day = 86_400 * second;
const askTime = 1.5 * second;
const handshakeTime = 5 * second;
/** Names that nobody named are looked at so many at a time, fairly by whose they are. */
const mostAsked = 64;
/** A pull may have to wait for two of these, its registry's and the token service's, and for more. */
const patience = 0.75 * second;

export class Probe {
  readonly #options: ProbeOptions;
  readonly #clock: Clock;
  readonly #registries: Remembered<boolean>;
  readonly #handshakes: Remembered<Handshake>;
  readonly #places: FairPlaces;
  /** Those known from an earlier life that may be looked at no more. */
  readonly #refused = new BoundedMap<string, true>({ limit: 1_000 });
  /** Looks that take longer than anybody waits. */
  readonly #overdue = new Set<string>();

  constructor(options: ProbeOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#registries = new Remembered(options.now);
    this.#places = new FairPlaces(mostAsked, this.#clock.after);
    this.#handshakes = new Remembered(options.now);
  }

  /** Asks `GET /v2/` within 1.5 s. Yes is kept 7 days, no 24 h, no answer 60 s. Never rejects. */
  async isRegistry(address: HostPort, scheme: Scheme = "https"): Promise<boolean> {
    const registry = registryAt(address, scheme);
    if (this.#wasSeen(registry)) return true;
    return await this.#registries.get(registry.name, async () => {
      const owner = siteOf(address);
      try {
        const isRegistry = await this.#ask(registry);
        return { value: isRegistry, forMs: isRegistry ? 7 * day : day, owner };
      } catch (error) {
        const forMs = error instanceof UpstreamError ? noFor(error) : minute;
        return { value: false, forMs, owner };
      }
    });
  }

  /**
   * Makes one TLS handshake, remembered 10 min (`unreachable`: 10 s); a peer once trusted is, while it
   * is looked at again: after a restart too, unless it `isPlain` by the operator's word now. Rejects with
   * UpstreamError FORBIDDEN where nothing may be dialled.
   */
  async peerSpeaksTls(address: HostPort, isPlain = false): Promise<PeerTls> {
    const key = formatHostPort(address);
    const { peer, isTls = false } = this.#handshakes.last(key) ?? this.#recalled(address, isPlain);
    const look = this.#handshake(address, isTls);
    if (peer !== "trusted") return await this.#inTime(address, look);
    look.catch(() => this.#refused.set(key, true));
    return "trusted";
  }

  /** A registry that spoke to us over TLS in an earlier life was trusted then. */
  #recalled(address: HostPort, isPlain: boolean): Partial<Handshake> {
    const mayBe = !isPlain && this.#refused.get(formatHostPort(address)) === undefined;
    const wasSeen = mayBe && this.#wasSeen(registryAt(address, "https"));
    return wasSeen ? { peer: "trusted", isTls: true } : {};
  }

  #wasSeen(registry: Registry): boolean {
    const { seenAt, now } = this.#options;
    return now() - (seenAt?.(registry) ?? Number.NEGATIVE_INFINITY) < 7 * day;
  }

  /** In words, why the last handshake was not `trusted`; undefined when it was, or is forgotten. */
  tlsTrouble(address: HostPort): string | undefined {
    return this.#handshakes.peek(formatHostPort(address))?.reason;
  }

  /** A registry that is down must not hold up what is kept of it. */
  async #inTime(address: HostPort, look: Promise<Handshake>): Promise<PeerTls> {
    const key = formatHostPort(address);
    const late = Promise.withResolvers<PeerTls>();
    const wait = this.#overdue.has(key) ? 0 : (this.#options.patienceMs ?? patience);
    const stopWaiting = afterWaiting(this.#clock, wait, () => {
      this.#overdue.add(key);
      this.#options.outages?.failed(formatHostPort(address, 443), "TIMEOUT");
      late.resolve("unreachable");
    });
    const seen = look.finally(() => this.#overdue.delete(key)).then(({ peer }) => peer);
    try {
      return await Promise.race([seen, late.promise]);
    } finally {
      stopWaiting();
    }
  }

  /** In turn. Throws UpstreamError BUSY where that does not come. */
  async #ask(registry: Registry): Promise<boolean> {
    const address = registryAddress(registry.name);
    const host = formatHostPort(address, 443);
    const leave = await this.#places.take(siteOf(address), {
      signal: new AbortController().signal,
      milliseconds: askTime,
      late: () => new UpstreamError("BUSY", host, `too many hosts are looked at, ${host} is not`),
      ended: (signal) => abortedError(host, signal),
    });
    try {
      return await this.#asked(registry, host);
    } finally {
      leave();
    }
  }

  async #asked(registry: Registry, host: string): Promise<boolean> {
    const address = registryAddress(registry.name);
    const what = `${host} did not answer`;
    const limit = { host, milliseconds: askTime, what };
    using deadline = upstreamDeadline(this.#clock, new AbortController().signal, limit);
    const { transport } = this.#options;
    // Before anything is built for a name that leads nowhere.
    await transport.check(address, { onBehalfOf: registry.name, signal: deadline.signal });
    const response = await transport.send({
      scheme: registry.scheme,
      address,
      onBehalfOf: registry.name,
      asked: "ping",
      method: "GET",
      target: "/v2/",
      headers: headerList({ "accept-encoding": "identity", "user-agent": "entrepot" }),
      patience: "full",
      signal: deadline.signal,
    });
    discard(response.body);
    const isRegistry = looksLikeRegistry(response);
    const challenge = response.headers.get("www-authenticate") ?? [];
    if (isRegistry) this.#options.found?.(registry, challenge);
    return isRegistry;
  }

  /** `isTls`: it was last seen to speak TLS, trusted or not. */
  async #handshake(address: HostPort, isTls: boolean): Promise<Handshake> {
    return await this.#handshakes.get(formatHostPort(address), async () => {
      const value = await this.#shake(address, isTls);
      this.#tell(formatHostPort(address, 443), value.peer);
      const forMs = value.peer === "unreachable" ? 10 * second : 600 * second;
      return { value, forMs, owner: siteOf(address) };
    });
  }

  #tell(host: string, peer: PeerTls): void {
    const { outages, isOffline } = this.#options;
    if (peer !== "unreachable") outages?.answered(host);
    else if (isOffline !== true) outages?.failed(host, "CONNECT");
  }

  /** Who spoke TLS before and now hangs up has trouble, and is no plain HTTP for that. */
  async #shake(address: HostPort, isTls: boolean): Promise<Handshake> {
    const { dialer, transport, isOffline } = this.#options;
    const host = formatHostPort(address, 443);
    if (isOffline === true) return { peer: "unreachable", reason: `${host} is not asked: offline` };
    const what = `${host} did not finish a TLS handshake`;
    const limit = { host, milliseconds: handshakeTime, what };
    using deadline = upstreamDeadline(this.#clock, new AbortController().signal, limit);
    const asked = { signal: deadline.signal, onBehalfOf: registryNameOf(address) };
    let isThere = false;
    try {
      const socket = await dialer.dialTls(address, asked, () => {
        isThere = true;
      });
      // Who wants to know is about to ask there.
      transport.offer(address, socket);
      return { peer: "trusted", reason: undefined, isTls: true };
    } catch (error) {
      const reason = textOf(error);
      if (error instanceof UpstreamError && error.code === "FORBIDDEN") throw error;
      if (!isThere || isSilent(error) || (isTls && isReset(error))) {
        return { peer: "unreachable", reason, isTls };
      }
      const peer = spoken(error);
      return { peer, reason, isTls: peer === "untrusted" };
    }
  }
}

/** A registry names its API, or challenges for a token; a web site does neither. */
function looksLikeRegistry({ status, headers }: RegistryResponse): boolean {
  if (status !== 200 && status !== 401) return false;
  const version = headerValue(headers, "docker-distribution-api-version") ?? "";
  if (/^registry\/2\.0\b/i.test(version)) return true;
  const challenges = parseChallenges(headers.get("www-authenticate") ?? []);
  return status === 401 && challengeOf(challenges, "bearer") !== undefined;
}

const isAboutTls: ReadonlySet<UpstreamErrorCode> = new Set(["TLS", "NO_TLS"]);

/** How long it holds that there is no registry: what had no turn may be one. */
function noFor({ code }: UpstreamError): number {
  if (code === "BUSY") return 0;
  return isAboutTls.has(code) ? day : minute;
}

/** What it made of a ClientHello. */
function spoken(error: unknown): PeerTls {
  if (isReset(error)) return "closed";
  return error instanceof UpstreamError && error.code === "NO_TLS" ? "plain" : "untrusted";
}

function isReset(error: unknown): boolean {
  return error instanceof UpstreamError && error.code === "RESET";
}

function isSilent(error: unknown): boolean {
  return error instanceof UpstreamError && (error.code === "TIMEOUT" || error.code === "ABORTED");
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
