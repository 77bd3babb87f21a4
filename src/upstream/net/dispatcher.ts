/**
 * One undici pool per origin and per registry in whose name it is asked: HTTP/1.1 keep-alive, as many
 * connections as there are requests at once (a slow blob never holds up a HEAD), each made by the
 * Dialer. Plain http through a corporate proxy is asked in absolute form, https through its tunnel.
 */

import type { Socket } from "node:net";
import { type Dispatcher, Pool } from "undici";
import { formatHostPort, type HostPort } from "../../protocol/http/host-port.ts";
import type { RegistryName, Scheme } from "../../protocol/registry-name.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { upstreamDeadline } from "../upstream-deadline.ts";
import type { CorporateProxies, CorporateProxy } from "./corporate-proxy.ts";
import type { Dialer, DialOptions } from "./dial.ts";
import { withMendedHead } from "./mended-head.ts";
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

/** An idle pool may keep connections for a while; beyond so many the longest unused are closed. */
const maxPools = 48;
/** Servers close what is idle after seconds, and nobody knows when. */
const briefly = 1_000;
/** Google's registries send more than Node's 16 KiB. */
const maxHeaderSize = 128 * 1024;

export class OriginPools {
  readonly #options: OriginPoolsOptions;
  readonly #pools = new Map<string, Pool>();
  readonly #closing = new AbortController();

  constructor(options: OriginPoolsOptions) {
    this.#options = options;
  }

  /**
   * Hand the request in at once: an outlet that is kept may be closed meanwhile. Throws UpstreamError
   * FORBIDDEN where the name alone says so, and builds nothing then.
   */
  outlet(origin: Origin): Outlet {
    const { scheme, address, onBehalfOf, ledBy = onBehalfOf } = origin;
    this.#options.dialer.checkName(address, ledBy);
    const proxy = this.#options.proxies.for(scheme, address, onBehalfOf);
    const isForwarded = proxy !== undefined && scheme === "http";
    const host = formatHostPort(address, scheme === "https" ? 443 : 80);
    const login = isForwarded ? proxy.authorization : undefined;
    return {
      dispatcher: this.#pool(origin, isForwarded ? proxy : undefined),
      pathPrefix: isForwarded ? `http://${host}` : "",
      headers: login === undefined ? [] : ["proxy-authorization", login],
    };
  }

  /** Throws UpstreamError where a connection there, in that registry's name, would be refused. */
  async check(address: HostPort, asked: DialOptions): Promise<void> {
    await this.#options.dialer.check(address, asked);
  }

  /** Ends every connection at once; requests under way fail. */
  async close(): Promise<void> {
    this.#closing.abort();
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  #pool(origin: Origin, proxy: CorporateProxy | undefined): Pool {
    const { scheme, address, isOdd, isForOneTry } = origin;
    const host = formatHostPort(address, scheme === "https" ? 443 : 80);
    const key = keyOf(`${scheme}://${host}`, origin);
    const known = this.#pools.get(key);
    this.#pools.delete(key);
    const pool =
      known ??
      new Pool(`${scheme}://${host}`, {
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
    this.#pools.set(key, pool);
    if (known === undefined) this.#closeUnused();
    return pool;
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
    if (scheme === "https" && !switches) return await dialer.dialTls(address, options);
    const socket = await dialer.dial(address, options);
    if (scheme === "http") return socket;
    return await tls.secure(socket, address, deadline.signal);
  }

  /** The map is in order of last use. */
  #closeUnused(): void {
    if (this.#pools.size <= maxPools) return;
    for (const [key, pool] of this.#pools) {
      if (pool.stats.size > 0) continue;
      this.#pools.delete(key);
      void pool.destroy().catch(() => undefined);
      return;
    }
  }
}

/** The registry, and who leads there, are part of it: what it may reach, another may not. */
function keyOf(text: string, origin: Origin): string {
  const { onBehalfOf, ledBy, isOdd, isFresh, isForOneTry, switches } = origin;
  const kinds = [
    ...[isOdd && "odd", isFresh && "fresh", isForOneTry && "one try"],
    switches && "switches",
    ledBy && `led by ${ledBy}`,
  ].filter(Boolean);
  return [text, onBehalfOf, ...kinds].join(" ");
}
