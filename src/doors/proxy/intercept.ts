/**
 * Ends a client's TLS in this process with a leaf for the CONNECT authority, and gives the connection
 * back to the front door's server as HTTP. Remembers for every such connection whom it was meant for.
 */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type SecureContext, TLSSocket } from "node:tls";
import { formatHostPort, type HostPort } from "../../protocol/http/host-port.ts";
import type { Registry } from "../../protocol/registry-name.ts";
import type { ObserveDoor } from "../door-event.ts";
import type { Inside } from "../server/calls.ts";
import type { OpenSockets } from "../server/listener.ts";
import { acceptTls, type Leaves, serverNameOf } from "../server/tls-handshake.ts";

export type InterceptorOptions = {
  readonly leaves: Leaves;
  readonly open: OpenSockets;
  readonly observe: ObserveDoor;
  /** From our 200 to the end of the handshake. */
  readonly handshakeTimeout?: number | undefined;
};

export type Interception = {
  readonly address: HostPort;
  /** Undefined when it is one of our own names. */
  readonly registry: Registry | undefined;
  readonly client: string;
  /** Gives the connection to the server that reads HTTP from it. */
  readonly adopt: (socket: Socket) => void;
};

const established = "HTTP/1.1 200 Connection established\r\n\r\n";
const tlsHandshakeRecord = 0x16;

export class Interceptor {
  readonly #options: InterceptorOptions;
  readonly #inside = new WeakMap<Duplex, Inside>();

  constructor(options: InterceptorOptions) {
    this.#options = options;
  }

  /** What a connection is inside of; undefined for one that came straight to the front door. */
  insideOf(connection: Duplex): Inside | undefined {
    return this.#inside.get(connection);
  }

  /** Answers 200 and speaks TLS. `head` is what came with the CONNECT. */
  intercept(socket: Socket, head: Buffer, its: Interception): void {
    // Minted before the 200: a name that cannot be certified is refused, not broken off.
    const context = this.#options.leaves.contextFor(its.address.host, socket);
    this.#options.open.add(socket);
    if (head.length > 0) socket.unshift(head);
    socket.write(established);
    if (its.registry === undefined) this.#awaitFirstByte(socket, context, its);
    else this.#speakTls(socket, context, its);
  }

  /** Our own names answer TLS and plain HTTP alike: which one is meant shows in the first byte. */
  #awaitFirstByte(socket: Socket, context: SecureContext, its: Interception): void {
    const timer = this.#deadline(socket, its);
    const leave = () => socket.destroy();
    const look = () => {
      const first: Buffer | null = socket.read();
      if (first === null) {
        socket.once("readable", look);
        return;
      }
      clearTimeout(timer);
      socket.off("end", leave);
      socket.unshift(first);
      if (first[0] === tlsHandshakeRecord) this.#speakTls(socket, context, its);
      else this.#adopt(socket, its);
    };
    socket.once("end", leave);
    look();
  }

  #speakTls(socket: Socket, context: SecureContext, its: Interception): void {
    acceptTls(socket, {
      context,
      timeout: this.#options.handshakeTimeout,
      onSecure: (tls) => this.#adopt(tls, its),
      onFailed: (reason) => this.#tell(its, reason),
    });
  }

  #adopt(socket: Socket, its: Interception): void {
    const { address, registry, client } = its;
    const isTls = socket instanceof TLSSocket;
    this.#inside.set(socket, { address, registry, client, isTls, sni: () => serverNameOf(socket) });
    its.adopt(socket);
  }

  #deadline(socket: Socket, its: Interception): NodeJS.Timeout {
    const { handshakeTimeout = 10_000 } = this.#options;
    const timer = setTimeout(() => {
      this.#tell(its, "no TLS handshake in time");
      socket.destroy();
    }, handshakeTimeout);
    timer.unref();
    socket.once("close", () => clearTimeout(timer));
    return timer;
  }

  #tell(its: Interception, reason: string): void {
    const host = formatHostPort(its.address, 443);
    this.#options.observe({ kind: "handshakeFailed", client: its.client, host, reason });
  }
}
