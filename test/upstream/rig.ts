/** The way out as the program builds it, pointed at servers on loopback addresses. */
import type { AddressInfo, Server, Socket } from "node:net";
import { onTestFinished } from "vitest";
import { headerList } from "../../src/protocol/http/header-list.ts";
import type { HostPort } from "../../src/protocol/http/host-port.ts";
import { registryNameOf, type Scheme } from "../../src/protocol/registry-name.ts";
import { CorporateProxies, type ProxySettings } from "../../src/upstream/net/corporate-proxy.ts";
import { Destinations } from "../../src/upstream/net/destination.ts";
import { Dialer } from "../../src/upstream/net/dial.ts";
import { OriginPools } from "../../src/upstream/net/dispatcher.ts";
import type { ResolvedAddress } from "../../src/upstream/net/happy-eyeballs.ts";
import type { Places } from "../../src/upstream/net/places.ts";
import { TlsClient } from "../../src/upstream/net/tls-client.ts";
import { type Outgoing, Transport } from "../../src/upstream/net/transport.ts";
import type { TransportLimits } from "../../src/upstream/net/transport-limits.ts";
import type { UpstreamEvent } from "../../src/upstream/upstream-event.ts";

export type RigOptions = {
  readonly named?: readonly string[];
  readonly allowed?: readonly string[];
  readonly tunnelPorts?: readonly number[];
  readonly listeners?: readonly HostPort[];
  readonly ownAddresses?: readonly string[];
  /** Names to addresses; every other name is unknown. */
  readonly names?: Readonly<Record<string, readonly string[]>>;
  readonly lookup?: (host: string) => Promise<readonly ResolvedAddress[]>;
  readonly authorities?: readonly string[];
  readonly unverified?: readonly string[];
  readonly proxies?: Partial<ProxySettings>;
  readonly family?: "auto" | 4 | 6;
  readonly limits?: Partial<TransportLimits>;
  readonly bodyTimeoutMs?: number;
  readonly isOffline?: boolean;
  readonly places?: Places;
};

export type Rig = {
  readonly destinations: Destinations;
  readonly dialer: Dialer;
  readonly tls: TlsClient;
  readonly transport: Transport;
  readonly events: UpstreamEvent[];
  readonly lookups: string[];
};

/** By default loopback addresses are allowed and so are the ports of hosts named. */
export function buildRig(options: RigOptions = {}): Rig {
  const events: UpstreamEvent[] = [];
  const lookups: string[] = [];
  const destinations = new Destinations({
    named: options.named ?? [],
    allowedAddresses: options.allowed ?? ["127.0.0.0/8", "::1"],
    tunnelPorts: options.tunnelPorts ?? [],
    ownListeners: () => options.listeners ?? [],
    ownAddresses: () => options.ownAddresses ?? [],
  });
  const proxies = new CorporateProxies({
    https: undefined,
    http: undefined,
    except: "",
    perRegistry: new Map(),
    ...options.proxies,
  });
  const tls = new TlsClient({
    authorities: options.authorities ?? [],
    isUnverified: ({ host }) => options.unverified?.includes(host) ?? false,
  });
  const resolve = options.lookup ?? ((host) => resolveFrom(options.names ?? {}, host));
  const dialer = new Dialer({
    destinations,
    lookup: (host) => {
      lookups.push(host);
      return resolve(host);
    },
    proxies,
    tls,
    family: options.family ?? "auto",
  });
  const pools = new OriginPools({
    dialer,
    tls,
    proxies,
    ...(options.bodyTimeoutMs === undefined ? {} : { bodyTimeoutMs: options.bodyTimeoutMs }),
  });
  onTestFinished(() => pools.close());
  const transport = new Transport({
    pools,
    observe: (event) => events.push(event),
    now: () => performance.now(),
    limits: options.limits ?? {},
    isOffline: options.isOffline ?? false,
    ...(options.places === undefined ? {} : { places: options.places }),
  });
  return { destinations, dialer, tls, transport, events, lookups };
}

async function resolveFrom(
  names: Readonly<Record<string, readonly string[]>>,
  host: string,
): Promise<readonly ResolvedAddress[]> {
  const found = names[host];
  if (found === undefined) {
    throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: "ENOTFOUND" });
  }
  return found.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
}

/** A GET of `/` with nothing special about it. */
export function outgoing(
  address: HostPort,
  changes: Partial<Outgoing> & { readonly scheme?: Scheme } = {},
): Outgoing {
  return {
    scheme: "http",
    address,
    onBehalfOf: registryNameOf(address),
    method: "GET",
    target: "/",
    headers: headerList({}),
    patience: "full",
    signal: new AbortController().signal,
    ...changes,
  };
}

/** Listens on a loopback address; gives where. Closed, with its connections, when the test is over. */
export async function listening(server: Server, host = "127.0.0.1", port = 0): Promise<HostPort> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
  });
  const ready = Promise.withResolvers<void>();
  server.once("error", ready.reject);
  server.listen(port, host, ready.resolve);
  await ready.promise;
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { host, port: (server.address() as AddressInfo).port };
}

export async function readAll(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** What a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it was not rejected");
}
