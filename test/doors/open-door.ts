/** A whole public door on loopback, with stand-ins for what other rooms give it, and clients for it. */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { checkServerIdentity, connect as connectTls, type TLSSocket } from "node:tls";
import { onTestFinished } from "vitest";
import type { DoorEvent } from "../../src/doors/door-event.ts";
import { type Authority, openAuthority } from "../../src/doors/proxy/authority/ca.ts";
import { LeafIssuer } from "../../src/doors/proxy/authority/leaf.ts";
import { Connect } from "../../src/doors/proxy/connect.ts";
import { Forwarder, type Sender } from "../../src/doors/proxy/forward.ts";
import { FrontDoor } from "../../src/doors/proxy/front-door.ts";
import { Interceptor } from "../../src/doors/proxy/intercept.ts";
import type { TunnelDialer } from "../../src/doors/proxy/tunnel.ts";
import { Admission, type AdmissionOptions } from "../../src/doors/server/admission.ts";
import type { OriginCall } from "../../src/doors/server/calls.ts";
import { isInnerName } from "../../src/doors/server/foreign.ts";
import {
  InterceptDecision,
  type InterceptDecisionOptions,
  type PeerProbe,
} from "../../src/doors/server/intercept-decision.ts";
import { OpenSockets } from "../../src/doors/server/listener.ts";
import { OwnNames } from "../../src/doors/server/own-names.ts";
import { Reception } from "../../src/doors/server/reception.ts";
import { hostMatcher } from "../../src/protocol/host-pattern.ts";
import type { HostPort } from "../../src/protocol/http/host-port.ts";
import type { Ask } from "../../src/registry/ask.ts";
import { UpstreamError } from "../../src/upstream/upstream-error.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

export type Seen = { readonly door: string; readonly ask: Ask | OriginCall };

export type OpenDoor = {
  readonly port: number;
  readonly door: FrontDoor;
  readonly authority: Authority;
  readonly leaves: LeafIssuer;
  /** What reached a handler. */
  readonly seen: Seen[];
  readonly events: DoorEvent[];
  /** Addresses that were dialled for tunnels. */
  readonly dialled: HostPort[];
};

export type DoorSettings = {
  readonly admission?: AdmissionOptions;
  readonly decision?: Partial<InterceptDecisionOptions>;
  readonly probe?: Partial<PeerProbe>;
  /** Where every tunnel leads; without it every dial is refused. */
  readonly tunnelTo?: number;
  readonly exchange?: Sender;
  readonly handshakeTimeout?: number;
  readonly silentAfter?: number;
  readonly host?: string;
  readonly engine?: (request: IncomingMessage, response: ServerResponse, ask: Ask) => Promise<void>;
};

/** Named registries are `*.test`; the proxy's own name is `proxy.lan`. */
export async function openDoor(settings: DoorSettings = {}): Promise<OpenDoor> {
  const folder = await temporaryFolder();
  const seen: Seen[] = [];
  const events: DoorEvent[] = [];
  const dialled: HostPort[] = [];
  const observe = (event: DoorEvent) => void events.push(event);
  const authority = await openAuthority({ folder, now: Date.now });
  const leaves = new LeafIssuer({ authority, now: Date.now });
  const admission = new Admission(settings.admission);
  const open = new OpenSockets();
  const ports = new Set<number>();
  const own = new OwnNames({ hosts: ["proxy.lan"], addresses: () => ["10.9.8.7"], ports });
  const decision = new InterceptDecision({
    mode: "auto",
    isNamed: hostMatcher(["*.test", "plain.test:5000", "odd.test:8443", "10.99.0.1", "[fd00::1]"]),
    isPlain: hostMatcher(["plain.test:5000", "*.plain.test"]),
    isExcepted: () => false,
    tunnel: "allow",
    own,
    hasCredential: () => false,
    probe: { ...trustingProbe, ...settings.probe },
    ...settings.decision,
  });
  const { handshakeTimeout } = settings;
  const interceptor = new Interceptor({ leaves, open, observe, handshakeTimeout });
  const dialer: TunnelDialer = {
    dial: async (address) => {
      dialled.push(address);
      return dialLocally(address, settings.tunnelTo);
    },
  };
  const queues = { isBusy: () => false };
  const connects = new Connect({
    ...{ admission, decision, interceptor, queues, dialer, open, observe },
    ...(settings.silentAfter === undefined ? {} : { silentAfter: settings.silentAfter }),
  });
  const answer = (name: string) => answerWith(name, seen);
  const forwarder = new Forwarder(settings.exchange ?? { send: notForwarded }, observe);
  const reception = new Reception({
    admission,
    observe,
    ...{ interceptor, decision, forwarder },
    engine: { handle: settings.engine ?? answer("engine") },
    mirror: { handle: answer("mirror") },
    frontPage: { handle: answer("front page") },
    isSafeName: (host) => isInnerName(host) || host === "mirror.example.com",
  });
  const door = await FrontDoor.open(
    {
      host: settings.host ?? "127.0.0.1",
      port: 0,
      scratchFolder: folder,
      admission,
      onRequest: (request, response) => reception.receive(request, response),
      onConnect: (call) => connects.handle(call),
      onHeadTooLong: (connection) => reception.refuseUnread(connection),
      onError: (error) => {
        throw error;
      },
    },
    open,
  );
  onTestFinished(() => door.stop(AbortSignal.abort()));
  ports.add(door.address.port);
  return { port: door.address.port, door, authority, leaves, seen, events, dialled };
}

/** A TCP connection, destroyed with the test; its errors are the test's to look at. */
export async function dial(port: number, host = "127.0.0.1"): Promise<Socket> {
  const socket = connect({ port, host });
  socket.on("error", () => socket.destroy());
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** Sends text and reads everything until the other side closes. */
export async function talk(port: number, text: string): Promise<string> {
  const socket = await dial(port);
  socket.write(text);
  return readAll(socket);
}

export async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  if (!socket.closed) await once(socket, "close");
  return Buffer.concat(chunks).toString("latin1");
}

/** Resolves with everything received once it ends with `mark`. */
export async function readUntil(socket: Socket, mark: string): Promise<string> {
  let text = "";
  while (!text.includes(mark)) {
    const chunk: Buffer | null = socket.read();
    if (chunk !== null) text += chunk.toString("latin1");
    else if (socket.destroyed || socket.readableEnded) return text;
    else await Promise.race([once(socket, "readable"), once(socket, "close")]);
  }
  return text;
}

/** CONNECT as Go's net/http sends it; the socket is the tunnel when the status is 200. */
export async function connectThrough(
  port: number,
  authority: string,
  headers: readonly string[] = ["User-Agent: Go-http-client/1.1"],
): Promise<{ readonly head: string; readonly socket: Socket }> {
  const socket = await dial(port);
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`, ...headers];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  return { head: await readUntil(socket, "\r\n\r\n"), socket };
}

/** TLS inside a tunnel, trusting the proxy's CA alone, and demanding a certificate for `host`. */
export async function secure(
  socket: Socket,
  host: string,
  options: { readonly ca?: string; readonly servername?: string | undefined },
): Promise<TLSSocket> {
  const tls = connectTls({
    socket,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    ...(options.servername === undefined ? {} : { servername: options.servername }),
    checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
  });
  onTestFinished(() => void tls.destroy());
  await once(tls, "secureConnect");
  tls.on("error", () => tls.destroy());
  return tls;
}

const trustingProbe: PeerProbe = {
  isRegistry: async () => false,
  peerSpeaksTls: async () => "trusted",
  tlsTrouble: () => undefined,
};

function answerWith(door: string, seen: Seen[]) {
  return async (request: IncomingMessage, response: ServerResponse, ask: Ask | OriginCall) => {
    seen.push({ door, ask });
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const fields = request.rawHeaders.join("|");
    response.end(JSON.stringify({ door, ask, method: request.method, fields, body }));
  };
}

async function dialLocally(address: HostPort, port: number | undefined): Promise<Socket> {
  if (port === undefined) {
    throw new UpstreamError("FORBIDDEN", address.host, `${address.host} is not to be dialled`);
  }
  const socket = connect({ port, host: "127.0.0.1" });
  await once(socket, "connect");
  socket.on("error", () => socket.destroy());
  return socket;
}

async function notForwarded(): Promise<never> {
  throw new UpstreamError("FORBIDDEN", "", "nothing is forwarded here");
}

export function portOf(server: { address(): unknown }): number {
  return (server.address() as AddressInfo).port;
}
