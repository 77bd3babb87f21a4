/** A client on loopback: one connection through the proxy, on which it asks for one thing after another. */
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type SecureContext } from "node:tls";

export type SmallClientOptions = {
  /** Of the proxy. */
  readonly port: number;
  readonly host: string;
  readonly hostPort: number;
  readonly secureContext: SecureContext;
  /** Ends the connection. */
  readonly signal: AbortSignal;
};

const headEnd = "\r\n\r\n";
const accepted =
  "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json";

export class SmallClient {
  readonly #socket: Socket;
  readonly #host: string;

  /** Rejects when there is no way. */
  static async open(options: SmallClientOptions): Promise<SmallClient> {
    const { port, host, hostPort, secureContext, signal } = options;
    const authority = `${host}:${hostPort}`;
    const plain = connectTcp({ port, host: "127.0.0.1", signal });
    plain.on("error", () => undefined);
    await exchange(plain, [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`]);
    const socket = connectTls({ socket: plain, secureContext, servername: host });
    // Before anything is waited for: the plain socket passes its end on at any moment.
    socket.on("error", () => undefined);
    await once(socket, "secureConnect", { signal });
    return new SmallClient(socket, authority);
  }

  private constructor(socket: Socket, host: string) {
    this.#socket = socket;
    this.#host = host;
  }

  /** Resolves once the whole answer is in; rejects where it is not 200. */
  async get(path: string): Promise<void> {
    const fields = [`Host: ${this.#host}`, `Accept: ${accepted}`, "Accept-Encoding: identity"];
    await exchange(this.#socket, [`GET ${path} HTTP/1.1`, ...fields]);
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Sends a head; resolves once an answer is in whose head says how long its body is, or that there is none. */
async function exchange(socket: Socket, head: readonly string[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const answer = new Answer();
  const take = (piece: Buffer): void => {
    if (answer.isWholeWith(piece)) resolve();
  };
  const closed = (): void => reject(new Error("closed"));
  socket.on("data", take).on("close", closed);
  socket.write([...head, "User-Agent: docker/29.0.0", headEnd.slice(2)].join("\r\n"));
  try {
    await promise;
  } finally {
    socket.off("data", take).off("close", closed);
  }
  if (!answer.head.startsWith("HTTP/1.1 200 ")) throw new Error(answer.head);
}

class Answer {
  head = "";
  #missing: number | undefined;

  isWholeWith(piece: Buffer): boolean {
    if (this.#missing === undefined) this.#read(piece);
    else this.#missing -= piece.length;
    return this.#missing === 0;
  }

  #read(piece: Buffer): void {
    this.head += piece.toString("latin1");
    const end = this.head.indexOf(headEnd);
    if (end < 0) return;
    const length = /^content-length: *(\d+)/im.exec(this.head)?.[1] ?? "0";
    this.#missing = Number(length) - (this.head.length - end - headEnd.length);
  }
}
