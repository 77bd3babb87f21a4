/**
 * What a company's forge answers beside its registry: git over HTTP by git's own CGI program, uploads of any
 * kind, and a WebSocket that says back what it hears. Plain HTTP, for a web server in front of it.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

export type Forge = { readonly port: number; readonly close: () => void };

/** Serves the bare repositories in this folder under `/git/`. */
export async function startForge(repositories: string): Promise<Forge> {
  const server: Server = createServer((request, response) => {
    if (request.url?.startsWith("/git/") === true) void slowGit(repositories, request, response);
    else void count(request, response);
  });
  server.on("upgrade", (request: IncomingMessage, socket: Socket) => sayBack(request, socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, close };
}

async function count(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const hash = createHash("sha256");
  for await (const piece of request) hash.update(piece);
  response.end(hash.digest("hex"));
}

/** As a large repository does, it thinks before it packs: for so many seconds as the client asks. */
async function slowGit(root: string, request: IncomingMessage, response: ServerResponse) {
  const seconds = Number(request.headers["x-think"] ?? 0);
  if (request.method === "POST" && seconds > 0) await pause(seconds * 1_000);
  git(root, request, response);
}

/** RFC 3875, as far as git's program needs it. */
function git(root: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? "", "http://forge");
  const { headers } = request;
  const child = spawn("git", ["http-backend"], {
    env: {
      ...{ PATH: process.env.PATH, GIT_PROJECT_ROOT: root, GIT_HTTP_EXPORT_ALL: "1" },
      ...{ PATH_INFO: pathname.slice("/git".length), QUERY_STRING: search.slice(1) },
      ...{ REQUEST_METHOD: request.method, REMOTE_USER: "carol", REMOTE_ADDR: "127.0.0.1" },
      CONTENT_TYPE: headers["content-type"] ?? "",
      CONTENT_LENGTH: headers["content-length"] ?? "",
      HTTP_CONTENT_ENCODING: headers["content-encoding"] ?? "",
      GIT_PROTOCOL: String(headers["git-protocol"] ?? ""),
    },
    stdio: ["pipe", "pipe", "ignore"],
  });
  child.stdin.on("error", () => undefined);
  request.pipe(child.stdin);
  const pieces: Buffer[] = [];
  child.stdout.on("data", (piece: Buffer) => pieces.push(piece));
  child.stdout.on("end", () => {
    const all = Buffer.concat(pieces);
    const end = all.indexOf("\r\n\r\n");
    const fields = all.subarray(0, end).toString("latin1").split("\r\n");
    const status = fields.find((field) => /^status:/i.test(field))?.slice(8, 11) ?? "200";
    for (const field of fields) {
      const [name = "", value = ""] = field.split(/:\s*/, 2);
      if (!/^status$/i.test(name)) response.setHeader(name, value);
    }
    response.writeHead(Number(status)).end(all.subarray(end + 4));
  });
}

/** Frames of up to 125 bytes, each masked, as clients send them (RFC 6455 §5.2). */
function sayBack(request: IncomingMessage, socket: Socket): void {
  const text = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accepted = createHash("sha1").update(text).digest("base64");
  const head = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
  socket.write([...head, `Sec-WebSocket-Accept: ${accepted}`, "", ""].join("\r\n"));
  socket.on("error", () => undefined);
  let waiting = Buffer.alloc(0);
  socket.on("data", (piece: Buffer) => {
    waiting = Buffer.concat([waiting, piece]);
    for (;;) {
      const length = (waiting[1] ?? 0) & 0x7f;
      if (waiting.length < 6 + length) return;
      const mask = waiting.subarray(2, 6);
      const words = waiting.subarray(6, 6 + length).map((byte, at) => byte ^ (mask[at % 4] ?? 0));
      socket.write(Buffer.concat([Buffer.from([waiting[0] ?? 0, length]), words]));
      if ((waiting[0] ?? 0) === 0x88) socket.end();
      waiting = waiting.subarray(6 + length);
    }
  });
}
