/**
 * The listener on 3128. http-mitm-proxy owns the server and the CONNECT hook; its own interception
 * (a second loopback connection per client), WebSocket relay, CA and console are all switched off.
 */
import { rm } from "node:fs/promises";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, ListenOptions, Socket } from "node:net";
import { join } from "node:path";
import { Proxy as MitmProxy } from "http-mitm-proxy";
import { DoorError } from "../door-error.ts";
import { type Admission, clientAddress } from "../server/admission.ts";
import { backlog, drain, OpenSockets, refuseBroken, setLimits } from "../server/listener.ts";
import type { ProxyProtocol } from "../server/proxy-protocol.ts";
import { writeUnusedCa } from "./unused-ca.ts";

/** A CONNECT as it arrived; `adopt` gives a socket of it back to the server, to be read as HTTP. */
export type ConnectCall = {
  readonly request: IncomingMessage;
  readonly socket: Socket;
  /** Bytes that came with the CONNECT, before our answer. */
  readonly head: Buffer;
  readonly adopt: (socket: Socket) => void;
};

export interface Upgrades {
  /** Whether this one is; every other is answered in HTTP/1.1. */
  isWanted(request: IncomingMessage): boolean;
  handle(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void>;
}

export type FrontDoorOptions = {
  /** `::` takes IPv4 too, and falls back to IPv4 alone on a machine without IPv6. */
  readonly host: string;
  readonly port: number;
  /** A socket that somebody listens on already; host and port then do not matter. */
  readonly fd?: number | undefined;
  /** A folder of ours in which the unused CA of http-mitm-proxy may lie until the door is open. */
  readonly scratchFolder: string;
  readonly admission: Admission;
  /** Load balancers that say whom they speak for. */
  readonly proxyProtocol?: ProxyProtocol | undefined;
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  readonly onConnect: (call: ConnectCall) => Promise<void>;
  /** A request's head was too long to be read: its connection is to be answered and closed. */
  readonly onHeadTooLong: (connection: Socket) => void;
  /** Connections that are given away, as long as their request asks for it. */
  readonly webSockets?: Upgrades | undefined;
  /** Trouble of the open listener itself; nothing of a client's ever comes here. */
  readonly onError: (error: Error) => void;
};

const tooMany =
  "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

export class FrontDoor extends MitmProxy {
  /** Sockets that the server does not count: handshakes and tunnels put themselves here. */
  readonly open: OpenSockets;
  readonly #options: FrontDoorOptions;
  readonly #adopted = new WeakSet<Socket>();
  #reject: ((error: Error) => void) | undefined;

  private constructor(options: FrontDoorOptions, open: OpenSockets) {
    super();
    this.#options = options;
    this.open = open;
    this.onConnect((request, socket, head) => {
      // The hook's callback is never called: it would start the library's own interception.
      void this.#options.onConnect({
        request,
        socket: socket as Socket,
        head,
        adopt: (inner) => this.#adopt(socket as Socket, inner),
      });
    });
  }

  /** Resolves once it listens; throws DoorError LISTEN when it cannot. */
  static async open(options: FrontDoorOptions, open = new OpenSockets()): Promise<FrontDoor> {
    // Where a start was killed it is there already.
    const folder = join(options.scratchFolder, "front-door-unused");
    try {
      await writeUnusedCa(folder);
      return await FrontDoor.#openOn(options.host, options, { open, folder });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  static async #openOn(
    host: string,
    options: FrontDoorOptions,
    its: { readonly open: OpenSockets; readonly folder: string },
  ): Promise<FrontDoor> {
    const door = new FrontDoor(options, its.open);
    try {
      await door.#listen(host, its.folder);
      return door;
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (host === "::" && code === "EAFNOSUPPORT") {
        return FrontDoor.#openOn("0.0.0.0", options, its);
      }
      throw listenError(error, options);
    }
  }

  get server(): Server {
    if (this.httpServer === undefined) throw new TypeError("the front door is not open");
    return this.httpServer;
  }

  get address(): AddressInfo {
    return this.server.address() as AddressInfo;
  }

  /** Stops accepting, lets what runs finish, cuts the rest when `deadline` aborts. */
  async stop(deadline: AbortSignal): Promise<void> {
    await drain(this.server, this.open, deadline);
  }

  override _onHttpServerRequest(
    _isSsl: boolean,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    this.#options.onRequest(request, response);
  }

  /** A client's reset is the client's business; the library would print it. */
  override _onSocketError(): void {
    return;
  }

  override _onError(_kind: string, _context: unknown, error: Error): void {
    this.#reject?.(error);
  }

  /** The library itself listens on a host and a port only, with Node's own backlog. */
  #listenOurWay(): void {
    const { fd } = this.#options;
    let server: Server | undefined;
    Object.defineProperty(this, "httpServer", {
      get: () => server,
      set: (made: Server) => {
        server = made;
        const listen = made.listen.bind(made);
        const opened = (where: ListenOptions, done: () => void) =>
          fd === undefined ? listen({ ...where, backlog }, done) : listen({ fd }, backlog, done);
        Object.assign(made, { listen: opened });
      },
    });
  }

  #listen(host: string, folder: string): Promise<void> {
    this.#listenOurWay();
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      this.listen({ host, port: this.#options.port, sslCaDir: folder }, (error) => {
        if (error) {
          reject(error);
          return;
        }
        this.#opened();
        resolve();
      });
    });
  }

  #opened(): void {
    this.#reject = undefined;
    const server = this.server;
    // Left alone, it relays every WebSocket upgrade to any host, past every rule of ours.
    this.wsServer?.close();
    this.#upgradeFew(server);
    server.on("error", (error) => this.#options.onError(error));
    this.#greetFirst(server);
    setLimits(server);
    refuseBroken(server, this.#options.onHeadTooLong);
  }

  #upgradeFew(server: Server): void {
    const { webSockets } = this.#options;
    if (webSockets === undefined) return;
    Object.assign(server, { shouldUpgradeCallback: webSockets.isWanted.bind(webSockets) });
    server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
      void webSockets.handle(request, socket, head);
    });
  }

  /** The server reads from a connection only once it is known whose it is. */
  #greetFirst(server: Server): void {
    const { proxyProtocol } = this.#options;
    const readers = server.listeners("connection");
    server.removeAllListeners("connection");
    const read = (socket: Socket): void => {
      for (const reader of readers) Reflect.apply(reader, server, [socket]);
    };
    const enter = (socket: Socket): void => {
      this.#count(socket);
      if (!socket.destroyed) read(socket);
    };
    server.on("connection", (socket: Socket) => {
      if (this.#adopted.has(socket)) {
        read(socket);
      } else if (proxyProtocol === undefined) {
        enter(socket);
      } else {
        this.open.add(socket);
        proxyProtocol.greet(socket, () => enter(socket));
      }
    });
  }

  #count(socket: Socket): void {
    if (this.#options.admission.enter(clientAddress(socket), socket)) return;
    socket.end(tooMany);
    socket.destroySoon();
  }

  #adopt(outer: Socket, inner: Socket): void {
    this.#adopted.add(inner);
    this.#options.admission.wrap(outer, inner);
    this.server.emit("connection", inner);
  }
}

function listenError(error: unknown, options: FrontDoorOptions): DoorError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const { host, port } = options;
  const where = host === "::" ? `port ${port}` : `${host} port ${port}`;
  const sentences: Readonly<Record<string, string>> = {
    EADDRINUSE: `${where} is in use by another program; stop it or set PORT`,
    EACCES: `${where} may not be opened by this user; choose a PORT above 1023`,
    EADDRNOTAVAIL: `${host} is no address of this machine; set HOST`,
  };
  const sentence = sentences[code] ?? `${where} cannot be listened on: ${code || String(error)}`;
  return new DoorError("LISTEN", sentence, { cause: error });
}
