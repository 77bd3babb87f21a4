/** WebSockets of a registry's own web site, through the proxy: terminals and live logs of a GitLab. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { beforeEach, describe, expect, it } from "vitest";
import { converse, secured, tunnel } from "./support/client.ts";
import { type Program, Scene } from "./support/program.ts";

const key = "dGhlIHNhbXBsZSBub25jZQ==";

let scene: Scene;
let server: Server;
let program: Program;
let name: string;
/** Heads of handshakes that came. */
let upgrades: string[];
let requests: string[];
let onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

const accepted = (request: IncomingMessage): string => {
  const text = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  return createHash("sha1").update(text).digest("base64");
};

/** Says everything back. */
const echo = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accepted(request)}\r\nSet-Cookie: own=1\r\n\r\n`,
  );
  socket.write(head);
  socket.on("data", (piece) => socket.write(piece));
  socket.on("end", () => socket.end());
};

beforeEach(async () => {
  scene = await Scene.open();
  [upgrades, requests, onUpgrade] = [[], [], echo];
  server = createServer(scene.issue("git.test"));
  server.on("request", (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const isPing = request.url === "/v2/";
    response.writeHead(isPing ? 200 : 404, { "content-type": "application/json" }).end("{}");
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgrades.push(`${request.method} ${request.url} ${request.rawHeaders.join("|")}`);
    socket.on("error", () => socket.destroy());
    onUpgrade(request, socket, head);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scene.names.set("git.test", ["127.0.0.1"]);
  name = `git.test:${(server.address() as AddressInfo).port}`;
  program = await scene.start({ REGISTRIES: name });
  return async () => {
    await scene.close();
    server.closeAllConnections();
    server.close();
  };
});

async function connected(): Promise<TLSSocket> {
  const { socket } = await tunnel(program, name);
  return secured(socket, program, name);
}

const handshake = (path: string, fields = "", to = "websocket") =>
  `GET ${path} HTTP/1.1\r\nHost: ${name}\r\nConnection: Upgrade\r\nUpgrade: ${to}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n${fields}\r\n`;

/** Until so much has come. */
async function until(stream: TLSSocket, text: string): Promise<string> {
  let came = "";
  for await (const piece of stream.iterator({ destroyOnReturn: false })) {
    came += piece.toString("latin1");
    if (came.includes(text)) return came;
  }
  throw new Error(`ended after ${JSON.stringify(came)}`);
}

describe("a WebSocket of a registry's web site", () => {
  it("goes to the host that CONNECT named, with what was sent at once and what comes later", async () => {
    const stream = await connected();
    const cookie = "Cookie: session=CANARY-own\r\nAuthorization: Bearer ept1.CANARY\r\n";
    stream.write(`${handshake("/-/cable?x=1", cookie)}early`);
    const came = await until(stream, "early");
    expect(came).toMatch(
      /^HTTP\/1\.1 101 [\s\S]*sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/i,
    );
    expect(came).toMatch(/set-cookie: own=1/i);
    stream.write("later");
    await until(stream, "later");
    expect(upgrades).toEqual([expect.stringContaining("session=CANARY-own")]);
    expect(upgrades[0]).toMatch(/^GET \/-\/cable\?x=1 /);
    expect(upgrades[0]).not.toContain("ept1.");
    stream.end();
    await once(stream, "close");
  });

  it("that the host does not want is answered as the host answers", async () => {
    onUpgrade = (_request, socket) => {
      socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    };
    const text = await converse(await connected(), handshake("/-/cable"));
    expect(text).toMatch(/^HTTP\/1\.1 403 [\s\S]*\r\n\r\nno$/);
  });

  it.each([
    ["no accept", () => ""],
    ["somebody else's accept", () => "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n"],
  ])("is none after a 101 with %s: nothing is passed on unjudged", async (_name, accept) => {
    onUpgrade = (_request, socket) => {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${accept()}\r\n`,
      );
    };
    const text = await converse(await connected(), handshake("/-/cable"));
    expect(text).toMatch(/^HTTP\/1\.1 502 /);
  });

  it("of a host that is gone is a sentence", async () => {
    const stream = await connected();
    server.closeAllConnections();
    server.close();
    scene.names.delete("git.test");
    expect(await converse(stream, handshake("/-/cable"))).toMatch(
      /^HTTP\/1\.1 502 [\s\S]*git\.test/,
    );
  });

  it.each([
    ["under /v2/", "/v2/", ""],
    ["under a disguised /v2/", "/x/../v2/team/app/tags/list", ""],
    ["that could be an image's under a prefix", "/artifactory/v2/team/app/tags/list", ""],
    ["with a body", "/-/cable", "Content-Length: 5\r\n"],
  ])("%s is not passed on", async (_name, path, fields) => {
    const text = await converse(await connected(), handshake(path, fields));
    expect(text).toMatch(/^HTTP\/1\.1 (?:400|404|501) /);
    expect(upgrades).toEqual([]);
  });

  it("waits for nobody: behind a request that is still answered there is none", async () => {
    const stream = await connected();
    const first = `GET /page HTTP/1.1\r\nHost: ${name}\r\n\r\n`;
    const text = await converse(stream, first + handshake("/-/cable"));
    expect(text).toMatch(/^HTTP\/1\.1 404 [\s\S]*HTTP\/1\.1 501 /);
    expect(upgrades).toEqual([]);
  });
});

it.each(["h2c", "TLS/1.0", "websocket2"])("Upgrade: %s is answered in HTTP/1.1", async (to) => {
  const stream = await connected();
  const text = await converse(stream, handshake("/page", "Connection: close\r\n", to));
  expect(text).toMatch(/^HTTP\/1\.1 404 /);
  expect(requests.filter((one) => one !== "GET /v2/")).toEqual(["GET /page"]);
  expect(upgrades).toEqual([]);
});
