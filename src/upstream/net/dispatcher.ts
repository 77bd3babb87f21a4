/**
 * One undici pool per origin and per registry in whose name it is asked: HTTP/1.1 keep-alive, as many
 * connections as there are requests at once (a slow blob never holds up a HEAD), each made by the
 * Dialer. Plain http through a corporate proxy is asked in absolute form, https through its tunnel.
 */

import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type Dispatcher, Pool } from "undici";
import { formatHostPort, type HostPort } from "../../protocol/http/host-port.ts";
import { type RegistryName, registryNameOf, type Scheme } from "../../protocol/registry-name.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { upstreamDeadline } from "../upstream-deadline.ts";
import type { CorporateProxies, CorporateProxy } from "./corporate-proxy.ts";
import type { Dialer, DialOptions } from "./dial.ts";
import { withMendedHead } from "./mended-head.ts";
import { SpareConnections } from "./spare-connections.ts";
import type { TlsClient } from "./tls-client.ts";

export type OriginPoolsOptions = {
  readonly dialer: Dialer;
  readonly tls: TlsClient;
  readonly proxies: CorporateProxies;
  /** Between bytes of an answer; 30 s. */
  readonly bodyTimeoutMs?: number;
  /** Name, connection and TLS handshake together; 5 s. */
  readonly connectTimeoutMs?: number;
  /** For waits. */
  readonly clock?: Clock;
};

/** Where a request to an origin is handed in. */
export type Outlet = {
  readonly dispatcher: Dispatcher;
  /** What stands before the target in the request line; "" unless a corporate proxy forwards it. */
  readonly pathPrefix: string;
  /** Name, value, name, value …: for the corporate proxy alone. */
  readonly headers: readonly string[];
};

export type Origin = {
  readonly scheme: Scheme;
  readonly address: HostPort;
  readonly onBehalfOf: RegistryName;
  readonly ledBy?: RegistryName | undefined;
  /** Its heads need mending; for requests with `reset` alone. */
  readonly isOdd?: boolean | undefined;
  /** Its connections are new and serve one request each; for requests with `reset` alone. */
  readonly isFresh?: boolean | undefined;
  /** It cannot be tried again where a kept connection turns out to be closed: none is kept for long. */
  readonly isForOneTry?: boolean;
  /** The connection itself is wanted in the end, so it stays a stream like any other. */
  readonly switches?: boolean | undefined;
};

type PooledOutlet = Outlet & { readonly dispatcher: Pool };

/** An idle pool may keep connections for a while; beyond so many the longest unused are closed. */
const maxPools = 48;
/** Servers close what is idle after seconds, and nobody knows when. */
const briefly = 1_000;
/** Google's registries send more than Node's 16 KiB. */
const maxHeaderSize = 128 * 1024;

export class OriginPools {
  readonly #options: OriginPoolsOptions;
  /** In the order of their last use. */
  readonly #outlets = new Map<string, PooledOutlet>();
  readonly #spares: SpareConnections;
  readonly #closing = new AbortController();

  constructor(options: OriginPoolsOptions) {
    this.#options = options;
    this.#spares = new SpareConnections((options.clock ?? systemClock).after);
  }

  /**
   * Hand the request in at once: an outlet that is kept may be closed meanwhile. Throws UpstreamError
   * FORBIDDEN where the name alone says so, and builds nothing then.
   */
  outlet(origin: Origin): Outlet {
    const key = keyOf(origin);
    const known = this.#outlets.get(key);
    this.#outlets.delete(key);
    const outlet = known ?? this.#open(origin);
    this.#outlets.set(key, outlet);
    if (known === undefined) this.#closeUnused();
    return outlet;
  }

  /** Throws UpstreamError where a connection there, in that registry's name, would be refused. */
  async check(address: HostPort, asked: DialOptions): Promise<void> {
    await this.#options.dialer.check(address, asked);
  }

  /** Takes over a connection to `address` that the dialer made with TLS in that registry's own name. */
  offer(address: HostPort, socket: TLSSocket): void {
    this.#spares.offer(address, socket);
  }

  /** Ends every connection at once; requests under way fail. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#spares.endAll();
    const pools = [...this.#outlets.values()].map(({ dispatcher }) => dispatcher);
    this.#outlets.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  /** Its connections are judged anew, each when it is made. */
  #open(origin: Origin): PooledOutlet {
    const { scheme, address, onBehalfOf, ledBy = onBehalfOf } = origin;
    this.#options.dialer.checkName(address, ledBy);
    const proxy = this.#options.proxies.for(scheme, address, onBehalfOf);
    const forwarding = scheme === "http" ? proxy : undefined;
    const login = forwarding?.authorization;
    return {
      dispatcher: this.#pool(origin, forwarding),
      pathPrefix: forwarding === undefined ? "" : urlOf(origin),
      headers: login === undefined ? [] : ["proxy-authorization", login],
    };
  }

  #pool(origin: Origin, proxy: CorporateProxy | undefined): Pool {
    const { isOdd, isForOneTry } = origin;
    return new Pool(urlOf(origin), {
      connect: (_options, callback) => {
        this.#connect(origin, proxy).then(
          (socket) => callback(null, isOdd ? withMendedHead(socket) : socket),
          (error: Error) => callback(error, null),
        );
      },
      allowH2: false,
      pipelining: 1,
      maxHeaderSize,
      headersTimeout: 0,
      bodyTimeout: this.#options.bodyTimeoutMs ?? 30_000,
      keepAliveTimeout: isForOneTry ? briefly : 30_000,
      keepAliveMaxTimeout: isForOneTry ? briefly : 120_000,
    });
  }

  async #connect(origin: Origin, proxy: CorporateProxy | undefined): Promise<Socket> {
    const { scheme, address, onBehalfOf, ledBy, switches } = origin;
    const { dialer, tls, connectTimeoutMs: milliseconds = 5_000 } = this.#options;
    const { clock = systemClock } = this.#options;
    const host = formatHostPort(address, 443);
    const what = `${host} could not be connected to`;
    using deadline = upstreamDeadline(clock, this.#closing.signal, { host, milliseconds, what });
    const options = { signal: deadline.signal, timeoutMs: milliseconds, onBehalfOf, ledBy };
    if (proxy !== undefined) return await dialer.dialProxy(proxy, address, options);
    if (scheme === "https" && !switches)
      return this.#spareFor(origin) ?? (await dialer.dialTls(address, options));
    const socket = await dialer.dial(address, options);
    if (scheme === "http") return socket;
    return await tls.secure(socket, address, deadline.signal);
  }

  /** None for what has to be new. */
  #spareFor(origin: Origin): TLSSocket | undefined {
    const { address, onBehalfOf, ledBy, isOdd, isFresh, isForOneTry } = origin;
    const isItsOwn = onBehalfOf === registryNameOf(address) && ledBy === undefined;
    const isNew = isOdd || isFresh || isForOneTry;
    return isItsOwn && !isNew ? this.#spares.take(address) : undefined;
  }

  #closeUnused(): void {
    if (this.#outlets.size <= maxPools) return;
    for (const [key, { dispatcher }] of this.#outlets) {
      if (dispatcher.stats.size > 0) continue;
      this.#outlets.delete(key);
      void dispatcher.destroy().catch(() => undefined);
      return;
    }
  }
}

function urlOf({ scheme, address }: Origin): string {
  return `${scheme}://${formatHostPort(address, scheme === "https" ? 443 : 80)}`;
}

/** The registry, and who leads there, are part of it: what it may reach, another may not. */
function keyOf(origin: Origin): string {
  const { onBehalfOf, ledBy, isOdd, isFresh, isForOneTry, switches } = origin;
  const kinds = [
    ...[isOdd && "odd", isFresh && "fresh", isForOneTry && "one try"],
    switches && "switches",
    ledBy && `led by ${ledBy}`,
  ].filter(Boolean);
  return [urlOf(origin), onBehalfOf, ...kinds].join(" ");
}
