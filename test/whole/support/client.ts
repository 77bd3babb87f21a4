/** Clients of the whole program: a container engine behind the proxy, one at the mirror, and raw bytes. */
import { once } from "node:events";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls, type TLSSocket } from "node:tls";

export type Asked = {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
};

export type Answer = {
  readonly status: number;
  readonly reason: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
};

export type Door = {
  readonly port: number;
  readonly ca: string;
  /** Whose clock is that of the program, not of this machine: validity is not checked. */
  readonly hasOtherClock?: boolean;
};

/** As a container engine asks: CONNECT, TLS that trusts our CA alone, one request. */
export async function viaProxy(
  door: Door,
  registry: string,
  path: string,
  asked: Asked = {},
): Promise<Answer> {
  const { socket, status, reason } = await tunnel(door, registry, asked.headers);
  if (status !== 200) {
    socket.destroy();
    return { status, reason, headers: {}, body: Buffer.alloc(0) };
  }
  const tls = await secured(socket, door, registry);
  return await ask(tls, path, asked, registry);
}

/** Straight to the listener, as a mirror's client or a browser does. */
export async function direct(door: Door, path: string, asked: Asked = {}): Promise<Answer> {
  return await ask(await dial(door.port), path, asked, `127.0.0.1:${door.port}`);
}

export type Tunnel = { readonly socket: Socket; readonly status: number; readonly reason: string };

/** CONNECT as Go's net/http sends it; with 200 the socket is the tunnel. */
export async function tunnel(
  door: Pick<Door, "port">,
  authority: string,
  headers: Asked["headers"] = {},
): Promise<Tunnel> {
  const socket = await dial(door.port);
  const login = headers["proxy-authorization"];
  const fields = [
    `Host: ${authority}`,
    "User-Agent: Go-http-client/1.1",
    ...(login === undefined ? [] : [`Proxy-Authorization: ${login}`]),
  ];
  socket.write(`CONNECT ${authority} HTTP/1.1\r\n${fields.join("\r\n")}\r\n\r\n`);
  const head = await readHead(socket);
  const [, status = "0", reason = ""] = /^HTTP\/1\.1 (\d{3}) ?([^\r]*)/.exec(head) ?? [];
  return { socket, status: Number(status), reason };
}

/** TLS inside the tunnel; fails when our certificate is not one for `authority`. */
export async function secured(socket: Socket, door: Door, authority: string): Promise<TLSSocket> {
  const host = authority.replace(/:\d+$/, "");
  const tls = connectTls({
    ...{ socket, ca: door.ca, servername: host, ALPNProtocols: ["http/1.1"] },
    rejectUnauthorized: door.hasOtherClock !== true,
  });
  await once(tls, "secureConnect");
  tls.on("error", () => tls.destroy());
  return tls;
}

export async function dial(port: number, host = "127.0.0.1"): Promise<Socket> {
  const socket = connect({ port, host });
  socket.on("error", () => socket.destroy());
  await once(socket, "connect");
  return socket;
}

/**
 * Sends bytes and reads until the other side closes, or until nothing has come for `quietMs`; then what
 * came ends with "(open)".
 */
export async function converse(
  stream: Duplex,
  bytes: string | Buffer,
  quietMs = 15_000,
): Promise<string> {
  const pieces: Buffer[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const quiet = Buffer.from("(open)");
  const timer = setTimeout(() => resolve(void pieces.push(quiet)), quietMs);
  stream.on("data", (piece: Buffer) => {
    pieces.push(piece);
    timer.refresh();
  });
  stream.once("close", resolve);
  stream.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  await promise;
  clearTimeout(timer);
  stream.destroy();
  return Buffer.concat(pieces).toString("latin1");
}

export async function ask(
  connection: Duplex,
  path: string,
  asked: Asked,
  host: string,
): Promise<Answer> {
  const { method = "GET", headers = {}, body } = asked;
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const request = httpRequest({
    createConnection: () => connection,
    ...{ method, path, maxHeaderSize: 256 * 1024 },
    headers: { host, ...withoutProxyLogin(headers) } as Record<string, string>,
  });
  request.on("error", reject);
  request.on("response", (response) => {
    const pieces: Buffer[] = [];
    response.on("data", (piece: Buffer) => pieces.push(piece));
    response.on("error", reject);
    response.on("end", () => {
      const { statusCode: status = 0, statusMessage: reason = "", headers: fields } = response;
      resolve({ status, reason, headers: fields, body: Buffer.concat(pieces) });
    });
  });
  request.end(body);
  try {
    return await promise;
  } finally {
    connection.destroy();
  }
}

function withoutProxyLogin(headers: NonNullable<Asked["headers"]>) {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => name !== "proxy-authorization"),
  );
}

/** Everything up to the blank line; what comes after it stays in the socket. */
async function readHead(socket: Socket): Promise<string> {
  let head = Buffer.alloc(0);
  for (;;) {
    const piece: Buffer | null = socket.read();
    if (piece === null) {
      if (socket.destroyed || socket.readableEnded) return head.toString("latin1");
      await Promise.race([once(socket, "readable"), once(socket, "close")]);
      continue;
    }
    head = Buffer.concat([head, piece]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) continue;
    const rest = head.subarray(end + 4);
    if (rest.length > 0) socket.unshift(rest);
    return head.subarray(0, end).toString("latin1");
  }
}
