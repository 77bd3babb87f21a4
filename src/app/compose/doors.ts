/** The doors: the public listener with everything behind it, up to the engine. */

import type { Server } from "node:http";
import type { Socket } from "node:net";
import { FrontPage } from "../../doors/front-page/front-page.ts";
import type { Health } from "../../doors/front-page/health.ts";
import type { Authority } from "../../doors/proxy/authority/ca.ts";
import { LeafIssuer } from "../../doors/proxy/authority/leaf.ts";
import { Connect } from "../../doors/proxy/connect.ts";
import { Forwarder } from "../../doors/proxy/forward.ts";
import { FrontDoor } from "../../doors/proxy/front-door.ts";
import { Interceptor } from "../../doors/proxy/intercept.ts";
import { WebSockets } from "../../doors/proxy/web-sockets.ts";
import { Admission } from "../../doors/server/admission.ts";
import { InterceptDecision } from "../../doors/server/intercept-decision.ts";
import { OpenSockets } from "../../doors/server/listener.ts";
import { HostedHosts, OwnNames } from "../../doors/server/own-names.ts";
import { ProxyProtocol } from "../../doors/server/proxy-protocol.ts";
import { Reception } from "../../doors/server/reception.ts";
import { RequestQueues } from "../../doors/server/request-queues.ts";
import { hostMatcher } from "../../protocol/host-pattern.ts";
import { registryNameOf } from "../../protocol/registry-name.ts";
import type { RegistryEngine } from "../../registry/engine.ts";
import type { Log } from "../log.ts";
import { interceptedHosts, plainRegistries } from "../settings/derived.ts";
import type { Settings } from "../settings/settings.ts";
import { composeAuthority } from "./authority.ts";
import { roomForFiles } from "./descriptors.ts";
import { crowds } from "./gateways.ts";
import { type Listen, safeNames } from "./listen.ts";
import { composeMirror } from "./mirror.ts";
import { setupHostOf } from "./setup-host.ts";
import { type OpenTls, openTls } from "./tls.ts";
import type { Upstream } from "./upstream.ts";

export type DoorsParts = {
  readonly settings: Settings;
  readonly listen: Listen;
  readonly upstream: Upstream;
  readonly engine: RegistryEngine;
  readonly health: () => Health;
  /** What commands of the operator's run in. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly now: () => number;
  readonly log: Pick<Log, "door" | "note">;
};

export type Doors = {
  readonly authority: Authority;
  readonly open: () => Promise<FrontDoor>;
  /** The second listener, if there is to be one. */
  readonly openTls: () => Promise<OpenTls | undefined>;
  /** What is wrong with certificates that are ordered, in sentences. */
  readonly degraded: () => readonly string[];
  /** Open connections of clients, by listener. */
  readonly connections: () => Promise<Readonly<Record<string, number>>>;
};

const unspoken = (log: Pick<Log, "note">) => (proxy: string) =>
  log.note(
    "warn",
    `${proxy} is in TRUSTED_PROXIES and does not begin with the PROXY protocol, so its connections are closed: turn that on there (nginx: proxy_protocol on, in a stream block), or take it out of TRUSTED_PROXIES`,
  );

/** Throws DoorError when the CA cannot be used. */
export async function composeDoors(parts: DoorsParts): Promise<Doors> {
  const { settings, listen, log, now, environment } = parts;
  const observe = log.door;
  const authority = await composeAuthority(
    settings,
    { ...parts.listen, named: parts.upstream.named },
    now,
  );
  const admission = await composeAdmission(parts);
  const { trustedProxies: trusted } = settings.listen;
  const proxyProtocol =
    trusted.length === 0 ? undefined : new ProxyProtocol({ trusted, onSilent: unspoken(log) });
  const sockets = new OpenSockets();
  const leaves = new LeafIssuer({ authority, now });
  const interceptor = new Interceptor({ leaves, open: sockets, observe });
  const decision = composeDecision(parts);
  const opened: { clients?: FrontDoor; tls?: OpenTls | undefined } = {};
  const hasCertificate = (name: string): boolean => opened.tls?.covers(name) === true;
  const behind = { admission, interceptor, decision, authority, hasCertificate };
  const reception = composeReception(parts, behind);
  const onCrowd = (): void => parts.engine.makeWay();
  const onFlood = (connection: Socket): void =>
    observe({ kind: "flooded", client: reception.clientOf(connection) });
  const queues = new RequestQueues({ reception, admission, onCrowd, onFlood });
  const { dialer, transport } = parts.upstream;
  const within = { admission, interceptor, queues, open: sockets, observe };
  const connect = new Connect({ ...within, onCrowd, decision, dialer });
  const webSockets = new WebSockets({ ...within, sender: transport });
  const onRequest = queues.receive.bind(queues);
  const onConnect = connect.handle.bind(connect);
  const onHeadTooLong = reception.refuseUnread.bind(reception);
  const onError = (error: Error): void =>
    log.note("error", "the listener failed", { error: error.message });
  const listening = { ...clientsPlace(parts), admission, proxyProtocol };
  return {
    authority,
    open: async () => {
      opened.clients = await FrontDoor.open(
        { ...listening, onRequest, onConnect, onHeadTooLong, onError, webSockets },
        sockets,
      );
      return opened.clients;
    },
    openTls: async () => {
      const shared = { settings, listen, admission, proxyProtocol, environment, log };
      const leavesFor = (clientAuthorities: readonly string[]) =>
        new LeafIssuer({ authority, now, clientAuthorities });
      opened.tls = await openTls({ ...shared, leaves, leavesFor, onRequest, onHeadTooLong });
      return opened.tls;
    },
    degraded: () => opened.tls?.troubles() ?? [],
    connections: async () => ({
      clients: await connectionsOf(opened.clients?.server),
      ...(opened.tls === undefined ? {} : { tls: await opened.tls.connections() }),
    }),
  };
}

/** Where the public listener is to be. */
function clientsPlace({ settings, listen }: DoorsParts) {
  const { host, port } = settings.listen;
  return { host, port, fd: listen.sockets.clients, scratchFolder: settings.files.dataDir };
}

function connectionsOf(server: Server | undefined): Promise<number> {
  if (server === undefined) return Promise.resolve(0);
  return new Promise((resolve) => server.getConnections((_, count) => resolve(count ?? 0)));
}

function composeDecision({ settings, listen, upstream }: DoorsParts): InterceptDecision {
  const { intercept, interceptExcept } = settings.registries;
  return new InterceptDecision({
    mode: intercept,
    isNamed: hostMatcher(interceptedHosts(settings, upstream.named)),
    isPlain: hostMatcher(plainRegistries(settings)),
    isExcepted: hostMatcher(interceptExcept),
    tunnel: settings.access.tunnel,
    own: new OwnNames({
      hosts: listen.hosts,
      addresses: listen.addresses,
      ports: listen.publicPorts,
      backOfficePort: listen.backOfficePort,
      hosted: new HostedHosts(settings.hosted.hosts),
    }),
    hasCredential: (address) =>
      upstream.logins.has({ name: registryNameOf(address), scheme: "https" }),
    probe: upstream.probe,
  });
}

type Behind = {
  readonly admission: Admission;
  readonly interceptor: Interceptor;
  readonly decision: InterceptDecision;
  readonly authority: Authority;
  /** Whether the TLS listener has a certificate for this name. */
  readonly hasCertificate: (host: string) => boolean;
};

function composeReception(parts: DoorsParts, behind: Behind): Reception {
  const { settings, upstream, engine } = parts;
  const observe = parts.log.door;
  const { admission, interceptor, decision, authority } = behind;
  const mirror = composeMirror(settings, upstream, engine, observe);
  const hosted = new HostedHosts(settings.hosted.hosts);
  const isSafe = safeNames(settings, parts.listen);
  const frontPage = new FrontPage({
    authority,
    health: parts.health,
    proxyPort: parts.listen.port,
    ...setupHostOf(settings),
  });
  return new Reception({
    admission,
    hosted,
    ...{ interceptor, decision, engine, mirror, frontPage },
    forwarder: new Forwarder(upstream.transport, observe),
    needsClientCertificate: settings.listen.tlsClientCa !== undefined,
    isSafeName: (host) => isSafe(host) || behind.hasCertificate(host),
    observe,
  });
}

async function composeAdmission({
  settings: { access },
  engine,
  log,
  now,
}: DoorsParts): Promise<Admission> {
  return new Admission({
    allowClients: access.allowClients,
    proxyLogins: access.proxyAuth,
    maxPerClient: access.maxConnectionsPerClient,
    maxConnections: (await roomForFiles()).connections,
    ...(await crowds(access.allowClients, (sentence) => log.note("warn", sentence))),
    onNewcomer: engine.makeWay.bind(engine),
    ...{ observe: log.door, now },
  });
}
