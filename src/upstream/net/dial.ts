/**
 * The one way out: every connection to elsewhere, for tunnels and HTTP alike, is made here. A name is
 * resolved once, every address it gives is judged, and the judged address is the one dialled.
 */

import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { formatHostPort, type HostPort } from "../../protocol/http/host-port.ts";
import { type RegistryName, registryAddress } from "../../protocol/registry-name.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import type { Deadline } from "../../runtime/deadline.ts";
import { upstreamDeadline } from "../upstream-deadline.ts";
import { UpstreamError } from "../upstream-error.ts";
import type { CorporateProxies, CorporateProxy } from "./corporate-proxy.ts";
import type { Destinations } from "./destination.ts";
import { connectFirst, plainTo, type ResolvedAddress } from "./happy-eyeballs.ts";
import { type Lookup, NameLookup } from "./name-lookup.ts";
import { connectError } from "./network-error.ts";
import { openTunnel } from "./proxy-tunnel.ts";
import type { TlsClient } from "./tls-client.ts";

export type DialerOptions = {
  readonly destinations: Destinations;
  readonly lookup: Lookup;
  readonly proxies: CorporateProxies;
  readonly tls: TlsClient;
  /** UPSTREAM_FAMILY. */
  readonly family: "auto" | 4 | 6;
  /** For waits. */
  readonly clock?: Clock;
};

export type DialOptions = {
  readonly signal: AbortSignal;
  /** Name, connection and the corporate proxy's answer together; 5 s. */
  readonly timeoutMs?: number;
  /** The registry in whose name; left out for tunnels. */
  readonly onBehalfOf?: RegistryName | undefined;
  /** Who leads there, where it is judged by another than `onBehalfOf`. */
  readonly ledBy?: RegistryName | undefined;
};

export class Dialer {
  readonly #destinations: Destinations;
  readonly #names: NameLookup;
  readonly #proxies: CorporateProxies;
  readonly #tls: TlsClient;
  readonly #family: "auto" | 4 | 6;
  readonly #clock: Clock;

  constructor(options: DialerOptions) {
    this.#destinations = options.destinations;
    this.#names = new NameLookup(options.lookup);
    this.#proxies = options.proxies;
    this.#tls = options.tls;
    this.#family = options.family;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * A connected TCP socket (through the corporate proxy where one applies) that carries an error
   * listener and belongs to the caller. Throws UpstreamError.
   */
  async dial(address: HostPort, options: DialOptions): Promise<Socket> {
    const { onBehalfOf, ledBy = onBehalfOf } = options;
    this.#destinations.checkName(address, ledBy);
    using deadline = this.#limit(address, options);
    const proxy = this.#proxies.for("https", address, onBehalfOf);
    if (proxy !== undefined) return await this.#tunnel(proxy, address, deadline.signal);
    const allowed = await this.#allowed(address, ledBy, deadline.signal);
    return await this.#connect(address, allowed, plainTo(address.port), deadline.signal);
  }

  /**
   * The same with TLS on it. Straight from here it is read as undici reads, and in no other way
   * (record-reads.ts). `onReached` is called once somebody is there to shake hands with. Throws UpstreamError.
   */
  async dialTls(
    address: HostPort,
    options: DialOptions,
    onReached = (): void => undefined,
  ): Promise<TLSSocket> {
    const { onBehalfOf, ledBy = onBehalfOf } = options;
    this.#destinations.checkName(address, ledBy);
    using deadline = this.#limit(address, options);
    const { signal } = deadline;
    const proxy = this.#proxies.for("https", address, onBehalfOf);
    if (proxy !== undefined) {
      const tunnel = await this.#tunnel(proxy, address, signal);
      onReached();
      return await this.#tls.secure(tunnel, address, signal);
    }
    const allowed = await this.#allowed(address, ledBy, signal);
    const begin = (to: ResolvedAddress): TLSSocket => this.#tls.begin(to, address);
    const socket = await this.#connect(address, allowed, begin, signal);
    onReached();
    return await this.#tls.shaken(socket, address, signal);
  }

  /** Throws UpstreamError FORBIDDEN where `dial` would, whatever the name stands for. */
  checkName(address: HostPort, ledBy: RegistryName | undefined): void {
    this.#destinations.checkName(address, ledBy);
  }

  /** Throws UpstreamError FORBIDDEN, or DNS, where `dial` would; makes no connection. */
  async check(address: HostPort, options: DialOptions): Promise<void> {
    const { onBehalfOf, ledBy = onBehalfOf } = options;
    this.#destinations.checkName(address, ledBy);
    if (this.#proxies.for("https", address, onBehalfOf) !== undefined) return;
    using deadline = this.#limit(address, options);
    await this.#allowed(address, ledBy, deadline.signal);
  }

  /** A connection to the corporate proxy itself, for plain http that it forwards. */
  async dialProxy(proxy: CorporateProxy, target: HostPort, options: DialOptions): Promise<Socket> {
    this.#destinations.checkName(target, options.ledBy ?? options.onBehalfOf);
    using deadline = this.#limit(proxy.address, options);
    return await this.#reachProxy(proxy, deadline.signal);
  }

  /** The corporate proxy, of those configured, that leads back to this very process. */
  async findLoop(signal: AbortSignal): Promise<HostPort | undefined> {
    for (const { address } of this.#proxies.all()) {
      const found = await this.#names.resolve(address.host, signal).catch(() => []);
      if (found.some((each) => this.#destinations.isOwnListener(each.address, address.port))) {
        return address;
      }
    }
    return undefined;
  }

  async #addresses(address: HostPort, signal: AbortSignal): Promise<readonly ResolvedAddress[]> {
    const found = await this.#names.resolve(address.host, signal);
    const usable = found.filter(({ family }) => this.#family === "auto" || family === this.#family);
    if (usable.length > 0) return usable;
    const host = formatHostPort(address, 443);
    const text = `${host} has no IPv${this.#family} address, and UPSTREAM_FAMILY asks for one`;
    throw new UpstreamError("DNS", host, text);
  }

  /** The addresses that may be dialled; the first refusal when there is none. */
  async #allowed(
    address: HostPort,
    ledBy: RegistryName | undefined,
    signal: AbortSignal,
  ): Promise<readonly ResolvedAddress[]> {
    try {
      return await this.#judged(address, ledBy, signal);
    } catch (error) {
      throw ledThere(address, ledBy, error);
    }
  }

  async #judged(
    address: HostPort,
    ledBy: RegistryName | undefined,
    signal: AbortSignal,
  ): Promise<readonly ResolvedAddress[]> {
    const found = await this.#addresses(address, signal);
    const allowed: ResolvedAddress[] = [];
    let refusal: unknown;
    for (const each of found) {
      try {
        this.#destinations.checkAddress(address, each.address, ledBy);
        allowed.push(each);
      } catch (error) {
        refusal ??= error;
      }
    }
    if (allowed.length === 0) throw refusal;
    return allowed;
  }

  async #connect<S extends Socket>(
    address: HostPort,
    addresses: readonly ResolvedAddress[],
    begin: (to: ResolvedAddress) => S,
    signal: AbortSignal,
  ): Promise<S> {
    try {
      const socket = await connectFirst(addresses, begin, signal);
      socket.setNoDelay(true);
      socket.setKeepAlive(true, 60_000);
      return socket;
    } catch (cause) {
      throw connectError(formatHostPort(address, 443), cause);
    }
  }

  /** The operator named it, so it may stand anywhere; only not here. */
  async #reachProxy(proxy: CorporateProxy, signal: AbortSignal): Promise<Socket> {
    try {
      return await this.#dialProxy(proxy, signal);
    } catch (error) {
      throw ofProxy(proxy.address, error);
    }
  }

  async #dialProxy(proxy: CorporateProxy, signal: AbortSignal): Promise<Socket> {
    const found = await this.#names.resolve(proxy.address.host, signal);
    const others = found.filter(
      ({ address }) => !this.#destinations.isOwnListener(address, proxy.address.port),
    );
    if (others.length === 0) {
      const host = formatHostPort(proxy.address);
      throw new UpstreamError("FORBIDDEN", host, `${host} is this proxy itself`);
    }
    const begin = plainTo(proxy.address.port);
    const socket = await this.#connect(proxy.address, others, begin, signal);
    return proxy.scheme === "http" ? socket : await this.#tls.secure(socket, proxy.address, signal);
  }

  async #tunnel(proxy: CorporateProxy, target: HostPort, signal: AbortSignal): Promise<Socket> {
    const socket = await this.#reachProxy(proxy, signal);
    return await openTunnel(socket, { proxy, target, signal });
  }

  #limit(address: HostPort, { signal, timeoutMs: milliseconds = 5_000 }: DialOptions): Deadline {
    const host = formatHostPort(address, 443);
    const what = `${host} could not be connected to`;
    return upstreamDeadline(this.#clock, signal, { host, milliseconds, what });
  }
}

/** Who leads somewhere by a redirect or a realm could learn from clients what names mean in here. */
function ledThere(address: HostPort, ledBy: RegistryName | undefined, error: unknown): unknown {
  const isAbout =
    error instanceof UpstreamError && (error.code === "DNS" || error.code === "FORBIDDEN");
  if (!isAbout || ledBy === undefined || registryAddress(ledBy).host === address.host) return error;
  const { code, host, message } = error;
  return new UpstreamError(code, host, message, { cause: error, isLed: true });
}

/** Nobody is to look for it among the registries. */
function ofProxy(address: HostPort, cause: unknown): unknown {
  if (!(cause instanceof UpstreamError)) return cause;
  const host = formatHostPort(address);
  if (cause.code === "NO_TLS") {
    const sentence = `the corporate proxy ${host} speaks no TLS; write http://${host} in HTTPS_PROXY`;
    return new UpstreamError("CONNECT", host, sentence, { cause });
  }
  return new UpstreamError(cause.code, host, `the corporate proxy ${cause.message}`, { cause });
}
