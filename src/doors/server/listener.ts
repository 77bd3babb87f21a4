/**
 * What every listener of ours has in common: Node's limits set on purpose, and an end with a deadline
 * that lets running requests and tunnels finish first.
 */
import { type IncomingMessage, type Server, ServerResponse } from "node:http";
import { Server as NetServer, type Socket } from "node:net";

import type { Duplex } from "node:stream";

/** At most this many header fields; one more than allowed is read, so that too many can be told. */
export const maxHeaderFields = 100;

/**
 * How many connections may wait to be taken, where the system allows as many (Linux: net.core.somaxconn).
 * Who comes when all these places are taken tries again after one second, then three, then seven.
 */
export const backlog = 4_096;

/** Node's defaults that are wrong for blobs that take hours, and right limits for heads that take seconds. */
export function setLimits(server: Server): void {
  server.headersTimeout = 10_000;
  server.requestTimeout = 0; // a push may take hours
  server.keepAliveTimeout = 60_000;
  server.timeout = 0; // an upstream being healed is silent for longer than any idle limit
  server.maxHeadersCount = maxHeaderFields + 1;
  lookOften(server);
  newcomers.set(server, new Newcomers(server));
}

/**
 * A head that is too long gets its answer from `refuse`, and everything else that is no HTTP the bare
 * status that Node would give it.
 */
export function refuseBroken(server: Server, refuse: (connection: Socket) => void): void {
  server.on("clientError", (error: Error & { readonly code?: string }, connection: Socket) => {
    // What is on its way to the client already cannot be taken back.
    const answering: unknown = Reflect.get(connection, "_httpMessage");
    const hasBegun = answering instanceof ServerResponse && answering.headersSent;
    if (!connection.writable || hasBegun) return void connection.destroy();
    if (error.code === "HPE_HEADER_OVERFLOW") return refuse(connection);
    const status = bareStatuses[error.code ?? ""] ?? "400 Bad Request";
    connection.write(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
    connection.destroy(error);
  });
}

const bareStatuses: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
  HPE_CHUNK_EXTENSIONS_OVERFLOW: "413 Payload Too Large",
};

/** Left alone Node looks for overdue heads every 30 s, and 10 s would really be 40. */
function lookOften(server: Server): void {
  Object.assign(server, { connectionsCheckingInterval: 1_000 });
  // The timer is made from that when the server begins to listen, and anew whenever it is told so.
  if (server.listening) server.emit("listening");
}

/** Sockets that no server looks after: those in a TLS handshake and both ends of every tunnel. */
export class OpenSockets {
  readonly #sockets = new Set<Duplex>();

  add(socket: Duplex): void {
    if (socket.destroyed) return;
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  get size(): number {
    return this.#sockets.size;
  }

  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** How long a connection has for its first request, once the listener is closed. */
const firstRequestMs = 1_000;

/** Connections that came a moment ago and have not asked for anything: Node counts them as idle. */
class Newcomers {
  readonly #since = new Map<Duplex, number>();

  constructor(server: Server) {
    server.on("connection", (socket: Socket) => {
      this.#forgetOld();
      this.#since.set(socket, performance.now());
    });
    const asked = ({ socket }: IncomingMessage): void => void this.#since.delete(socket);
    for (const event of ["request", "connect"]) server.prependListener(event, asked);
  }

  areExpected(): boolean {
    this.#forgetOld();
    return [...this.#since.keys()].some((socket) => !socket.destroyed);
  }

  /** They came in this order. */
  #forgetOld(): void {
    const lately = performance.now() - firstRequestMs;
    for (const [socket, since] of this.#since) {
      if (since > lately) return;
      this.#since.delete(socket);
    }
  }
}

/** Of every server that has our limits. */
const newcomers = new WeakMap<Server, Newcomers>();

/** Stops accepting, lets what runs finish, and cuts what is left when `deadline` aborts. */
export async function drain(
  server: Server,
  open: OpenSockets,
  deadline: AbortSignal,
): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise<void>((resolve) => {
    // Its own close would cut who was let in and is about to ask.
    NetServer.prototype.close.call(server, () => resolve());
  });
  // A connection becomes idle when its last answer is out.
  const closeIdle = (): void => {
    if (newcomers.get(server)?.areExpected() !== true) server.closeIdleConnections();
  };
  closeIdle();
  const cut = (): void => {
    server.closeAllConnections();
    open.destroyAll();
  };
  // Who was being judged at the deadline is let in after it.
  const sweep = setInterval(() => (deadline.aborted ? cut() : closeIdle()), 50);
  deadline.addEventListener("abort", cut, { once: true });
  if (deadline.aborted) cut();
  try {
    await closed;
  } finally {
    clearInterval(sweep);
    deadline.removeEventListener("abort", cut);
  }
}
