/**
 * The listener on TLS_PORT: TLS with certificates of its own, and behind it the same reception as on
 * the public listener. It is no proxy: CONNECT and absolute targets are refused.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { SecureContext } from "node:tls";
import { parseHostPort } from "../../protocol/http/host-port.ts";
import { DoorError } from "../door-error.ts";
import type { ObserveDoor } from "../door-event.ts";
import { askedOf, type Refusal, refuseConnect, refuseRequest, uncertified } from "../refusal.ts";
import { type Admission, clientAddress } from "../server/admission.ts";
import { backlog, drain, OpenSockets, refuseBroken, setLimits } from "../server/listener.ts";
import { type ProxyProtocol, speakFor } from "../server/proxy-protocol.ts";
import { acceptTls, certificateFault } from "../server/tls-handshake.ts";

export type TlsListenerOptions = {
  readonly host: string;
  readonly port: number;
  /** A socket that somebody listens on already; host and port then do not matter. */
  readonly fd?: number | undefined;
  readonly admission: Admission;
  /** Load balancers that say whom they speak for. */
  readonly proxyProtocol?: ProxyProtocol | undefined;
  readonly certificates: {
    contextFor(name: string | undefined, address: string, connection: Socket): SecureContext;
  };
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  /** A request's head was too long to be read: its connection is to be answered and closed. */
  readonly onHeadTooLong: (connection: Socket) => void;
  readonly observe: ObserveDoor;
  /** Trouble of the open listener itself; nothing of a client's ever comes here. */
  readonly onError: (error: Error) => void;
  readonly handshakeTimeout?: number | undefined;
  /** Who shows none that the certificates' contexts take is refused everything. */
  readonly needsClientCertificate?: boolean | undefined;
};

const noProxy: Refusal = {
  status: 405,
  sentence: "this port is no proxy; use the port for clients, which speaks plain HTTP",
};

export class TlsListener {
  readonly #options: TlsListenerOptions;
  readonly #server: Server;
  readonly #open = new OpenSockets();
  readonly #read: (socket: Socket) => void;
  /** What is wrong with the certificates of who needs one and has none that is good. */
  readonly #faults = new WeakMap<Duplex, string>();

  private constructor(options: TlsListenerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => this.#receive(request, response));
    // The server reads HTTP from what it gets; here it first has to go through TLS.
    const readers = this.#server.listeners("connection");
    this.#read = (socket) => {
      for (const reader of readers) Reflect.apply(reader, this.#server, [socket]);
    };
    this.#server.removeAllListeners("connection");
    const { proxyProtocol } = options;
    this.#server.on("connection", (socket: Socket) => {
      this.#open.add(socket);
      if (proxyProtocol === undefined) this.#enter(socket);
      else proxyProtocol.greet(socket, () => this.#enter(socket));
    });
    this.#server.on("connect", (_request, socket) => refuseConnect(socket, noProxy));
    setLimits(this.#server);
    refuseBroken(this.#server, options.onHeadTooLong);
  }

  /** Resolves once it listens; throws DoorError LISTEN when it cannot. */
  static async open(options: TlsListenerOptions): Promise<TlsListener> {
    const listener = new TlsListener(options);
    await listener.#listen(options.host);
    return listener;
  }

  get address(): AddressInfo {
    return this.#server.address() as AddressInfo;
  }

  /** Open connections. */
  connections(): Promise<number> {
    return new Promise((resolve) => this.#server.getConnections((_, count) => resolve(count ?? 0)));
  }

  /** Stops accepting, lets what runs finish, cuts the rest when `deadline` aborts. */
  stop(deadline: AbortSignal): Promise<void> {
    return drain(this.#server, this.#open, deadline);
  }

  async #listen(host: string): Promise<void> {
    const server = this.#server;
    const { port, fd } = this.#options;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        const opened = (): void => resolve();
        if (fd === undefined) server.listen({ host, port, backlog }, opened);
        else server.listen({ fd }, backlog, opened);
      });
    } catch (error) {
      if (host === "::" && codeOf(error) === "EAFNOSUPPORT") return this.#listen("0.0.0.0");
      throw listenError(error, this.#options);
    }
    server.removeAllListeners("error");
    server.on("error", (error) => this.#options.onError(error));
  }

  #enter(socket: Socket): void {
    socket.on("error", () => socket.destroy());
    if (!this.#options.admission.enter(clientAddress(socket), socket)) {
      socket.destroy();
      return;
    }
    try {
      this.#speakTls(socket);
    } catch (error) {
      this.#options.onError(error instanceof Error ? error : new Error(String(error)));
      socket.destroy();
    }
  }

  #speakTls(socket: Socket): void {
    const { certificates, handshakeTimeout: timeout, needsClientCertificate } = this.#options;
    const client = clientAddress(socket);
    const address = clientAddress({ remoteAddress: socket.localAddress });
    acceptTls(socket, {
      context: certificates.contextFor(undefined, address, socket),
      contextFor: (name) => certificates.contextFor(name, address, socket),
      timeout,
      asksForCertificate: needsClientCertificate === true,
      onSecure: (tls) => {
        const fault = needsClientCertificate === true ? certificateFault(tls) : undefined;
        if (fault !== undefined) this.#faults.set(tls, fault);
        speakFor(tls, client);
        this.#options.admission.wrap(socket, tls);
        this.#read(tls);
      },
      onFailed: (reason, name) => this.#tell(client, reason, name),
    });
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    const fault = this.#faults.get(request.socket);
    // In words, as an alert of TLS would not be.
    if (fault !== undefined) this.#refuseUncertified(request, response, fault);
    else if (request.url?.startsWith("/")) this.#options.onRequest(request, response);
    else refuseRequest(response, noProxy);
  }

  #refuseUncertified(request: IncomingMessage, response: ServerResponse, fault: string): void {
    const refusal = uncertified(fault);
    const { status, sentence: reason, why } = refusal;
    const client = clientAddress(request.socket);
    this.#options.observe({
      kind: "refused",
      client,
      asked: askedOf(request),
      status,
      reason,
      why,
    });
    refuseRequest(response, refusal);
  }

  #tell(client: string, reason: string, name = ""): void {
    const host = parseHostPort(name, 443)?.host ?? "(no name)";
    this.#options.observe({ kind: "handshakeFailed", client, host, reason });
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

function listenError(error: unknown, { host, port }: TlsListenerOptions): DoorError {
  const code = codeOf(error) ?? String(error);
  const where = host === "::" ? `port ${port}` : `${host} port ${port}`;
  const sentences: Readonly<Record<string, string>> = {
    EADDRINUSE: `${where} is in use by another program; stop it or set TLS_PORT`,
    EACCES: `${where} may not be opened by this user; choose a TLS_PORT above 1023`,
    EADDRNOTAVAIL: `${host} is no address of this machine; set HOST`,
  };
  const sentence = sentences[code] ?? `${where} cannot be listened on: ${code}`;
  return new DoorError("LISTEN", sentence, { cause: error });
}
