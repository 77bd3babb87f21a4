import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { createServer as createTcpServer, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { headerList, headerValue } from "../../../src/protocol/http/header-list.ts";
import type { HostPort } from "../../../src/protocol/http/host-port.ts";
import { canonicalRegistry } from "../../../src/protocol/registry-name.ts";
import type { CorporateProxy } from "../../../src/upstream/net/corporate-proxy.ts";
import type { Outgoing } from "../../../src/upstream/net/transport.ts";
import { UpstreamError } from "../../../src/upstream/upstream-error.ts";
import { makeAuthority } from "../../support/certificates.ts";
import { eventually } from "../../support/eventually.ts";
import { blackHole } from "../black-hole.ts";
import { fakeProxy } from "../proxy.ts";
import { buildRig, listening, outgoing, type RigOptions, readAll, rejection } from "../rig.ts";

/** A way out that may reach this server. */
function rigFor(address: HostPort, options: RigOptions = {}) {
  return buildRig({
    named: [`${address.host}:${address.port}`, `reg.test:${address.port}`],
    ...options,
  });
}

async function served(listener: RequestListener) {
  const address = await listening(createServer(listener));
  const { transport, events } = rigFor(address);
  const send = (changes: Partial<Outgoing> = {}) => transport.send(outgoing(address, changes));
  return { address, send, events, transport };
}

/** Bytes for every connection, whatever it asks. */
async function servedRaw(serve: (socket: Socket) => void, options: RigOptions = {}) {
  let connections = 0;
  const server = createTcpServer((socket) => {
    connections += 1;
    socket.once("data", () => serve(socket));
  });
  const address = await listening(server);
  const { transport } = rigFor(address, options);
  const send = (changes: Partial<Outgoing> = {}) => transport.send(outgoing(address, changes));
  return { address, send, count: () => connections };
}

describe("outside the registry API", () => {
  const limits = { headers: 50, writeHeaders: 50, openIdle: 2_000 };

  it.each(["GET", "POST"])(
    "an archive may take longer to begin than any answer of the API (%s)",
    async (method) => {
      const begins = Promise.withResolvers<void>();
      const server = createServer((_request, response) => {
        void begins.promise.then(() => response.end("archive"));
      });
      const address = await listening(server);
      const { transport } = rigFor(address, { limits });
      const late = transport.send(outgoing(address, { method, patience: "open" }));
      expect(await rejection(transport.send(outgoing(address, { method })))).toMatchObject({
        code: "TIMEOUT",
      });
      begins.resolve();
      expect(await readAll((await late).body)).toEqual(Buffer.from("archive"));
    },
  );

  it("an event stream may be silent for longer than a blob", async () => {
    const held: (() => void)[] = [];
    const server = createServer((_request, response) => {
      response.write("event");
      held.push(() => response.end("s"));
    });
    const address = await listening(server);
    const { transport } = rigFor(address, { bodyTimeoutMs: 300, limits: { openIdle: 60_000 } });
    const stream = await transport.send(outgoing(address, { patience: "open" }));
    const blob = await transport.send(outgoing(address));
    await expect(readAll(blob.body)).rejects.toThrow(UpstreamError);
    for (const answer of held) answer();
    expect(await readAll(stream.body)).toEqual(Buffer.from("events"));
  });
});

describe("a list", () => {
  it("that takes longer than a manifest may is waited for", async () => {
    const late = Promise.withResolvers<void>();
    const address = await listening(
      createServer((_request, response) => void late.promise.then(() => response.end("[]"))),
    );
    const { transport } = rigFor(address, { limits: { headers: 50, lists: 20_000 } });
    const list = transport.send(outgoing(address, { patience: "list" }));
    const manifest = transport.send(outgoing(address, { patience: "full" }));
    expect(await rejection(manifest)).toMatchObject({ code: "TIMEOUT" });
    late.resolve();
    expect(String(await readAll((await list).body))).toBe("[]");
  });
});

describe("an answer that Go's clients take", () => {
  it.each([
    ["with its length twice", "Content-Length: 2\r\nContent-Length: 2"],
    ["with its length in a list", "Content-Length: 2, 2"],
    ["with blanks after its length", "Content-Length: 2  "],
    ["with a tab after its length", "Content-Length:2\t"],
    ["with its length twice, and more blanks", "content-length: 2\t\r\nX: y\r\nCONTENT-LENGTH:2 "],
  ])("%s is read", async (_name, field) => {
    const { send, count } = await servedRaw((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nX-A: 1\r\n${field}\r\nX-B: caf\xe9\r\n\r\nok`, "latin1");
    });
    const answer = await send();
    expect(String(await readAll(answer.body))).toBe("ok");
    expect([...answer.headers.keys()].sort()).toEqual(
      field.includes("X: y")
        ? ["content-length", "x", "x-a", "x-b"]
        : ["content-length", "x-a", "x-b"],
    );
    expect(answer.headers.get("x-b")).toEqual(["caf\xe9"]);
    // What it takes is known from now on.
    await readAll((await send({ method: "HEAD" })).body);
    expect(count()).toBe(3);
  });

  it("is read whatever pieces it comes in, after interim ones too", async () => {
    const text = `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 40000 \r\n\r\n${"x".repeat(40_000)}`;
    const { send } = await servedRaw((socket) => {
      const pieces = [...text.slice(0, 120), text.slice(120)];
      const next = (): void => {
        const piece = pieces.shift();
        if (piece !== undefined && !socket.destroyed) socket.write(piece, () => setImmediate(next));
      };
      next();
    });
    expect((await readAll((await send()).body)).length).toBe(40_000);
  });

  it.each([
    ["two lengths", "Content-Length: 2\r\nContent-Length: 3"],
    ["two lengths in a list", "Content-Length: 2, 3"],
    ["a length and a coding", "Content-Length: 2 \r\nTransfer-Encoding: chunked"],
    ["a signed length", "Content-Length: +2"],
    ["a length with a letter", "Content-Length: 2\xa0"],
    ["no length", "Content-Length: "],
    ["a blank before the colon", "Content-Length : 2"],
    ["a folded length", "Content-Length: 2\r\nContent-Length:\r\n 2"],
    ["a bare line end", "X: y\nContent-Length: 7\r\nContent-Length: 2 "],
  ])("is none with %s", async (_name, field) => {
    const { send, count } = await servedRaw((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${field}\r\n\r\nok`, "latin1");
    });
    expect(await rejection(send())).toMatchObject({ code: "PROTOCOL" });
    expect(count()).toBeLessThanOrEqual(2);
  });

  it("costs no second push", async () => {
    const { send, count } = await servedRaw((socket) => {
      socket.write("HTTP/1.1 201 Created\r\nContent-Length: 0 \r\n\r\n");
    });
    const body = async function* () {
      yield Buffer.from("x");
    };
    expect(await rejection(send({ method: "PUT", body: body() }))).toMatchObject({
      code: "PROTOCOL",
    });
    expect(count()).toBe(1);
    await readAll((await send()).body);
    expect((await send({ method: "PUT", body: body() })).status).toBe(201);
  });
});

describe("an exchange", () => {
  it("gives status, headers as they came, and the body", async () => {
    const { send, events } = await served((_request, response) => {
      response.writeHead(401, [
        ["WWW-Authenticate", 'Bearer realm="a"'],
        ["WWW-Authenticate", "Basic"],
        ["X-Bytes", "caf\u00e9"],
        ["Connection", "x-hop, keep-alive"],
        ["X-Hop", "1"],
        ["Keep-Alive", "timeout=5"],
      ]);
      response.end("no");
    });
    const answer = await send();
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toEqual(['Bearer realm="a"', "Basic"]);
    expect(headerValue(answer.headers, "x-bytes")).toBe("caf\u00e9");
    for (const name of ["connection", "x-hop", "keep-alive", "transfer-encoding"]) {
      expect(answer.headers.has(name)).toBe(false);
    }
    expect(String(await readAll(answer.body))).toBe("no");
    expect(events).toMatchObject([
      { kind: "exchanged", method: "GET", status: 401 },
      { kind: "received", bytes: 2 },
    ]);
  });

  it("sends end-to-end headers only, and the host it dials", async () => {
    const seen = Promise.withResolvers<IncomingMessage>();
    const { send, address } = await served((request, response) => {
      seen.resolve(request);
      response.end();
    });
    const headers = headerList({
      accept: ["a/b", "c/d"],
      authorization: "Bearer t",
      host: "evil.example",
      connection: "close, x-private",
      "x-private": "1",
      "keep-alive": "1",
      expect: "100-continue",
      upgrade: "websocket",
      te: "trailers",
      trailer: "x",
      "transfer-encoding": "chunked",
      "proxy-authorization": "Basic CANARY",
      "proxy-connection": "keep-alive",
      "content-length": "7",
    });
    await readAll((await send({ headers, target: "/v2/x?ns=y" })).body);
    const { url, headersDistinct } = await seen.promise;
    expect(url).toBe("/v2/x?ns=y");
    expect(headersDistinct).toEqual({
      host: [`127.0.0.1:${address.port}`],
      connection: ["keep-alive"],
      accept: ["a/b", "c/d"],
      authorization: ["Bearer t"],
    });
  });

  it("keeps the connection for the next request, after a HEAD too", async () => {
    const ports = new Set<number | undefined>();
    const { send } = await served((request, response) => {
      ports.add(request.socket.remotePort);
      response.writeHead(200, { "content-length": 2 });
      response.end(request.method === "HEAD" ? undefined : "ok");
    });
    for (const method of ["HEAD", "GET", "HEAD", "HEAD", "GET"]) {
      await readAll((await send({ method })).body);
      // A connection is free again one turn of the event loop after its answer's end.
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(ports.size).toBe(1);
  });

  it("takes a connection of its own for each request at once: slow blobs hold up no HEAD", async () => {
    const { send } = await served((request, response) => {
      response.writeHead(200, { "content-length": 10 });
      if (request.method === "HEAD") response.end();
      else response.write("x");
    });
    const blobs = await Promise.all(Array.from({ length: 50 }, () => send()));
    const head = await send({ method: "HEAD" });
    expect(head.status).toBe(200);
    head.body.destroy();
    for (const blob of blobs) blob.body.destroy();
  });

  it("speaks HTTP/1.1 over TLS to a server that offers HTTP/2 too", async () => {
    const authority = makeAuthority();
    const versions: string[] = [];
    const server = createTlsServer(
      { ...authority.issue(["reg.test"]), ALPNProtocols: ["h2", "http/1.1"] },
      (request, response) => {
        versions.push(request.httpVersion);
        response.end("ok");
      },
    );
    const { port } = await listening(server);
    const address = { host: "reg.test", port };
    const rig = rigFor(address, {
      authorities: [authority.ca],
      names: { "reg.test": ["127.0.0.1"] },
    });
    const answer = await rig.transport.send(outgoing(address, { scheme: "https" }));
    expect(String(await readAll(answer.body))).toBe("ok");
    expect(versions).toEqual(["1.1"]);
  });

  it("answers with TLS, quickly and without a second try, when the certificate is wrong", async () => {
    let connections = 0;
    const server = createTlsServer(makeAuthority().issue(["reg.test"]));
    server.on("connection", () => connections++);
    const { port } = await listening(server);
    const address = { host: "reg.test", port };
    const rig = rigFor(address, { names: { "reg.test": ["127.0.0.1"] } });
    const started = performance.now();
    const failed = rig.transport.send(outgoing(address, { scheme: "https" }));
    expect(await rejection(failed)).toMatchObject({
      code: "TLS",
      message: expect.stringContaining("unknown authority"),
    });
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(connections).toBe(1);
    expect(rig.events).toMatchObject([{ kind: "exchanged", status: "TLS" }]);
  });

  it("takes headers of 120 KiB, as Google sends them, and refuses more than 128", async () => {
    const { send } = await served((request, response) => {
      const size = Number(request.url?.slice(1));
      for (let sent = 0; sent < size; sent += 8)
        response.setHeader(`x-${sent}`, "y".repeat(8 * 1024));
      response.end("ok");
    });
    expect((await send({ target: "/120" })).status).toBe(200);
    expect(await rejection(send({ target: "/136" }))).toMatchObject({ code: "TOO_LARGE" });
  });

  it("does not reuse a connection on which something came unasked", async () => {
    let connections = 0;
    const server = createTcpServer((socket) => {
      const number = ++connections;
      socket.on("data", () => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${number}`);
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
      });
    });
    const address = await listening(server);
    const { transport } = rigFor(address);
    expect(String(await readAll((await transport.send(outgoing(address))).body))).toBe("1");
    expect(String(await readAll((await transport.send(outgoing(address))).body))).toBe("2");
  });

  it("shares no connection between registries", async () => {
    const { address, transport } = await served((_request, response) => response.end("ok"));
    const stranger = canonicalRegistry("evil.example");
    if (stranger === undefined) throw new Error("malformed");
    await readAll((await transport.send(outgoing(address))).body);
    const strict = rigFor(address, { allowed: [], named: [] });
    expect(
      await rejection(strict.transport.send(outgoing(address, { onBehalfOf: stranger }))),
    ).toMatchObject({ code: "FORBIDDEN" });
  });
});

describe("the body of an answer", () => {
  it("fails when it ends before its length", async () => {
    const { send } = await servedRaw((socket) => {
      socket.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    });
    const answer = await send();
    expect(await rejection(readAll(answer.body))).toMatchObject({ code: "RESET" });
  });

  it("fails when its last chunk is missing", async () => {
    const { send } = await servedRaw((socket) => {
      socket.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
    });
    const answer = await send();
    expect(await rejection(readAll(answer.body))).toMatchObject({ code: "RESET" });
  });

  it("is what came where neither length nor chunks tell its end", async () => {
    const { send } = await servedRaw((socket) => socket.end("HTTP/1.1 200 OK\r\n\r\nhalf"));
    const answer = await send();
    expect(String(await readAll(answer.body))).toBe("half");
  });

  it("fails when the connection is reset", async () => {
    const { send } = await servedRaw((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", () =>
        socket.resetAndDestroy(),
      );
    });
    expect(await rejection(send().then(({ body }) => readAll(body)))).toMatchObject({
      code: "RESET",
    });
  });

  it("is refused when it has two lengths, or a length and chunks", async () => {
    for (const field of ["Content-Length: 5", "Transfer-Encoding: chunked"]) {
      const { send } = await servedRaw((socket) => {
        socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 4\r\n${field}\r\n\r\nhalf`);
      });
      expect(await rejection(send())).toBeInstanceOf(UpstreamError);
    }
  });

  it("fails when it goes silent, and is never cut while it moves", async () => {
    const drip = (socket: Socket, isEndless: boolean): void => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n`);
      let sent = 0;
      const timer = setInterval(() => {
        if (sent < 20 && (isEndless || sent < 4)) socket.write(`${sent++ % 10}`);
        else clearInterval(timer);
      }, 100);
    };
    const moving = await servedRaw((socket) => drip(socket, true), { bodyTimeoutMs: 1_500 });
    const stuck = await servedRaw((socket) => drip(socket, false), { bodyTimeoutMs: 1_500 });
    const read = async ({ send }: typeof moving) => await readAll((await send()).body);
    const [whole, failure] = await Promise.all([read(moving), rejection(read(stuck))]);
    expect(String(whole)).toBe("01234567890123456789");
    expect(failure).toMatchObject({ code: "TIMEOUT", message: expect.stringContaining("silent") });
  });

  it("waits for a reader who is slower than the limit between bytes", async () => {
    const size = 4 * 1024 * 1024;
    const server = createServer((_request, response) => response.end(Buffer.alloc(size)));
    const address = await listening(server);
    const { transport } = rigFor(address, { bodyTimeoutMs: 1_000 });
    const { body } = await transport.send(outgoing(address));
    const pause = Promise.withResolvers<void>();
    setTimeout(pause.resolve, 1_500);
    await pause.promise;
    expect((await readAll(body)).length).toBe(size);
  });

  it("closes the connection when it is destroyed before its end", async () => {
    const closed = Promise.withResolvers<void>();
    const { send } = await served((request, response) => {
      request.socket.once("close", closed.resolve);
      response.writeHead(200, { "content-length": 1_000_000 });
      response.write("x");
    });
    (await send()).body.destroy();
    await closed.promise;
  });

  it("ends as ABORTED with the caller's signal", async () => {
    const stop = new AbortController();
    const { send } = await served((_request, response) => response.write("x"));
    const { body } = await send({ signal: stop.signal });
    const failed = rejection(readAll(body));
    stop.abort();
    expect(await failed).toMatchObject({ code: "ABORTED" });
  });

  it("that fails before anybody reads it harms nobody, and fails the reader", async () => {
    const { send } = await servedRaw((socket) => {
      socket.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    });
    const { body } = await send();
    await eventually(() => body.destroyed || body.readableLength > 0);
    expect(await rejection(readAll(body))).toMatchObject({ code: "RESET" });
  });
});

describe("an answer that does not come", () => {
  it("is a TIMEOUT after the time for headers", async () => {
    const address = await listening(createTcpServer());
    const { transport } = rigFor(address, { limits: { headers: 50, briefHeaders: 50 } });
    expect(await rejection(transport.send(outgoing(address)))).toMatchObject({
      code: "TIMEOUT",
      message: `127.0.0.1:${address.port} sent no headers within 0.1 s`,
    });
  });

  it("is given up sooner by who has something to fall back on", async () => {
    const address = await blackHole();
    const limits = { briefConnect: 50, briefHeaders: 60_000 };
    const { transport } = rigFor(address, { limits });
    const failed = transport.send(outgoing(address, { patience: "brief" }));
    expect(await rejection(failed)).toMatchObject({
      code: "TIMEOUT",
      message: expect.stringContaining("could not be connected to"),
    });
  });

  it("is ABORTED when the caller gives up, before or while waiting", async () => {
    const address = await listening(createTcpServer());
    const { transport } = rigFor(address);
    const signal = AbortSignal.abort();
    expect(await rejection(transport.send(outgoing(address, { signal })))).toMatchObject({
      code: "ABORTED",
    });
    const stop = new AbortController();
    const failed = transport.send(outgoing(address, { signal: stop.signal }));
    stop.abort();
    expect(await rejection(failed)).toMatchObject({ code: "ABORTED" });
  });

  it("is asked for once more when nobody listens", async () => {
    let lookups = 0;
    const address = await listening(createServer((_request, response) => response.end("ok")));
    const rig = rigFor(address, {
      lookup: async () => [{ address: lookups++ === 0 ? "127.0.0.9" : "127.0.0.1", family: 4 }],
    });
    const answer = await rig.transport.send(outgoing({ host: "reg.test", port: address.port }));
    expect(String(await readAll(answer.body))).toBe("ok");
    expect(lookups).toBe(2);
  });

  it("is asked for once more, and no oftener, when the connection is reset", async () => {
    const { send, count } = await servedRaw((socket) => socket.resetAndDestroy());
    expect(await rejection(send())).toMatchObject({ code: "RESET" });
    expect(count()).toBe(2);
  });

  it("is not asked for again when that might do something twice", async () => {
    const { send, count } = await servedRaw((socket) => socket.resetAndDestroy());
    expect(await rejection(send({ method: "POST" }))).toMatchObject({ code: "RESET" });
    const body = (async function* () {
      yield Buffer.from("x");
    })();
    expect(await rejection(send({ method: "PUT", body }))).toMatchObject({ code: "RESET" });
    expect(count()).toBe(2);
  });

  it("succeeds when a kept connection had died meanwhile", async () => {
    const sockets: Socket[] = [];
    const { send } = await served((request, response) => {
      sockets.push(request.socket);
      response.end("ok");
    });
    await readAll((await send()).body);
    sockets[0]?.resetAndDestroy();
    expect(String(await readAll((await send()).body))).toBe("ok");
    expect(sockets).toHaveLength(2);
  });

  it("is got 100 times from who closes each kept connection in the very moment it is used again", async () => {
    const used = new WeakSet<Socket>();
    const { send } = await served((request, response) => {
      if (used.has(request.socket)) return void request.socket.resetAndDestroy();
      used.add(request.socket);
      request.resume();
      request.once("end", () => response.end("ok"));
    });
    const fresh = await Promise.all(Array.from({ length: 20 }, () => send()));
    await Promise.all(fresh.map(({ body }) => readAll(body)));
    const form = {
      [Symbol.asyncIterator]: async function* () {
        yield Buffer.from("service=x");
      },
    };
    const kinds: readonly Partial<Outgoing>[] = [
      { method: "GET" },
      { method: "HEAD" },
      { method: "OPTIONS" },
      { method: "POST", body: form, isRepeatable: true },
    ];
    for (let time = 0; time < 100; time += 1) {
      const { status, body } = await send(kinds[time % kinds.length]);
      expect(status).toBe(200);
      await readAll(body);
    }
  });

  it("of a push comes by a connection that was hardly kept, since it cannot be asked for again", async () => {
    const open = new Map<string, Set<Socket>>();
    const { send } = await served((request, response) => {
      const { method = "", socket } = request;
      const sockets = open.get(method) ?? new Set();
      open.set(method, sockets.add(socket));
      socket.once("close", () => sockets.delete(socket));
      request.resume();
      request.once("end", () => response.end("ok"));
    });
    for (const method of ["GET", "POST", "PUT", "DELETE"])
      await readAll((await send({ method })).body);
    expect(open.get("GET")?.size).toBe(1);
    for (const method of ["POST", "PUT", "DELETE"])
      await eventually(() => expect(open.get(method)?.size).toBe(0));
    expect(open.get("GET")?.size).toBe(1);
  });

  it.each([
    ["garbage", "hello there\r\n\r\n"],
    ["an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\n"],
    ["a bare line feed in a field", "HTTP/1.1 200 OK\nA: b\r\n\n"],
    ["a malformed length", "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx"],
  ])("is PROTOCOL when it is %s", async (_, bytes) => {
    const { send } = await servedRaw((socket) => socket.end(bytes));
    expect(await rejection(send())).toMatchObject({ code: "PROTOCOL" });
  });

  it("is given up at once, and nobody is asked, offline", async () => {
    const { address, count } = await servedRaw((socket) => socket.end());
    const { transport } = rigFor(address, { isOffline: true });
    expect(await rejection(transport.send(outgoing(address)))).toBeInstanceOf(UpstreamError);
    expect(count()).toBe(0);
  });

  it("is FORBIDDEN, and nobody is asked, where nothing may be dialled", async () => {
    const { address } = await served((_request, response) => response.end());
    const rig = rigFor(address, { allowed: [] });
    expect(await rejection(rig.transport.send(outgoing(address)))).toMatchObject({
      code: "FORBIDDEN",
      message: expect.stringContaining("UPSTREAM_ALLOW_ADDRESSES"),
    });
  });
});

describe("a request with a body", () => {
  async function* pieces(count: number, size: number): AsyncGenerator<Uint8Array> {
    for (let index = 0; index < count; index++) yield Buffer.alloc(size, index);
  }

  it("is streamed with its declared length", async () => {
    const { send } = await served(async (request, response) => {
      const body = await readAll(request);
      response.end(`${request.headers["content-length"]} ${body.length}`);
    });
    const answer = await send({
      method: "PUT",
      headers: headerList({ "content-length": "300000" }),
      body: pieces(3, 100_000),
    });
    expect(String(await readAll(answer.body))).toBe("300000 300000");
  });

  it("is streamed in chunks when it has no length", async () => {
    const { send } = await served(async (request, response) => {
      const body = await readAll(request);
      response.end(`${request.headers["transfer-encoding"]} ${body.length}`);
    });
    const answer = await send({ method: "PATCH", body: pieces(3, 100_000) });
    expect(String(await readAll(answer.body))).toBe("chunked 300000");
  });

  it("is not closed when the registry refuses it early", async () => {
    let isClosed = false;
    const body: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          await new Promise((resolve) => setImmediate(resolve));
          return { done: false, value: Buffer.alloc(1_000) };
        },
        return: async () => {
          isClosed = true;
          return { done: true, value: undefined };
        },
      }),
    };
    const { send } = await served((_request, response) => {
      response.writeHead(401, { connection: "close" }).end("no");
    });
    const answer = await send({ method: "PATCH", body });
    expect(answer.status).toBe(401);
    answer.body.destroy();
    await eventually(() => answer.body.closed);
    expect(isClosed).toBe(false);
  });

  it("may take longer than the headers of a pull, as long as it moves", async () => {
    const address = await listening(
      createServer(async (request, response) => {
        await readAll(request);
        response.end("ok");
      }),
    );
    const { transport } = rigFor(address, {
      limits: { headers: 100, writeHeaders: 1_000, uploadIdle: 1_000 },
    });
    async function* slowly(): AsyncGenerator<Uint8Array> {
      for (let index = 0; index < 24; index++) {
        yield Buffer.alloc(10);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    const answer = await transport.send(outgoing(address, { method: "PUT", body: slowly() }));
    expect(String(await readAll(answer.body))).toBe("ok");
  });

  it("is a TIMEOUT when it stands still", async () => {
    const address = await listening(createServer(() => undefined));
    const { transport } = rigFor(address, { limits: { uploadIdle: 50 } });
    const body: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.withResolvers<never>().promise }),
    };
    const failed = transport.send(outgoing(address, { method: "PUT", body }));
    expect(await rejection(failed)).toMatchObject({ code: "TIMEOUT" });
  });

  it("fails when it ends before its declared length", async () => {
    const { send } = await served(() => undefined);
    const headers = headerList({ "content-length": "10" });
    const failed = send({ method: "PUT", headers, body: pieces(1, 4) });
    expect(await rejection(failed)).toMatchObject({ code: "PROTOCOL" });
  });
});

describe("behind a corporate proxy", () => {
  it("asks for plain http in absolute form, with the login for the proxy alone", async () => {
    const seen = Promise.withResolvers<IncomingMessage>();
    const upstream = await listening(
      createServer((request, response) => {
        seen.resolve(request);
        response.end("ok");
      }),
    );
    const fake = fakeProxy({ leadsTo: upstream });
    const address = await listening(fake.server);
    const http: CorporateProxy = { scheme: "http", address, authorization: "Basic CANARY" };
    const rig = buildRig({ proxies: { http } });
    const far = { host: "plain.example", port: 80 };
    const answer = await rig.transport.send(outgoing(far, { target: "/v2/" }));
    expect(String(await readAll(answer.body))).toBe("ok");
    expect(fake.seen).toEqual(["GET http://plain.example/v2/ Basic CANARY"]);
    const { headers } = await seen.promise;
    expect(headers.host).toBe("plain.example");
    expect(headers["proxy-authorization"]).toBeUndefined();
  });

  it("asks for https through a tunnel, verified end to end", async () => {
    const authority = makeAuthority();
    const upstream = await listening(
      createTlsServer(authority.issue(["far.example"]), (_request, response) => response.end("ok")),
    );
    const fake = fakeProxy({ leadsTo: upstream });
    const address = await listening(fake.server);
    const https: CorporateProxy = { scheme: "http", address, authorization: undefined };
    const rig = buildRig({ proxies: { https }, authorities: [authority.ca] });
    const far = { host: "far.example", port: 443 };
    const answer = await rig.transport.send(outgoing(far, { scheme: "https" }));
    expect(String(await readAll(answer.body))).toBe("ok");
    expect(fake.seen).toEqual(["CONNECT far.example:443"]);
  });

  it("asks for https through a proxy that is itself spoken to over TLS", async () => {
    const authority = makeAuthority();
    const upstream = await listening(
      createTlsServer(authority.issue(["far.example"]), (_request, response) => response.end("ok")),
    );
    const fake = fakeProxy({ leadsTo: upstream, tls: authority.issue(["127.0.0.1"]) });
    const address = await listening(fake.server);
    const https: CorporateProxy = { scheme: "https", address, authorization: undefined };
    const rig = buildRig({ proxies: { https }, authorities: [authority.ca] });
    const far = { host: "far.example", port: 443 };
    const answer = await rig.transport.send(outgoing(far, { scheme: "https" }));
    expect(String(await readAll(answer.body))).toBe("ok");
  });

  it("says of a proxy that is not there that it is the proxy", async () => {
    // A port that nothing is ever given.
    const address = { host: "127.0.0.1", port: 1 };
    const https: CorporateProxy = { scheme: "http", address, authorization: undefined };
    const rig = buildRig({ proxies: { https } });
    const far = { host: "far.example", port: 443 };
    expect(await rejection(rig.transport.send(outgoing(far, { scheme: "https" })))).toMatchObject({
      code: "CONNECT",
      message: "the corporate proxy 127.0.0.1:1 refuses connections (ECONNREFUSED)",
    });
  });

  it("takes the proxy's demand for a login for a failure, not for the answer", async () => {
    const address = await listening(fakeProxy({ refusal: 407 }).server);
    const http: CorporateProxy = { scheme: "http", address, authorization: undefined };
    const rig = buildRig({ proxies: { http } });
    const failed = rig.transport.send(outgoing({ host: "plain.example", port: 80 }));
    expect(await rejection(failed)).toMatchObject({
      code: "CONNECT",
      message: expect.stringContaining("login (407)"),
    });
  });
});

describe("resets at each stage", () => {
  const stages: Readonly<Record<string, string>> = {
    "before a byte": "",
    "in the status line": "HTTP/1.1 2",
    "in the headers": "HTTP/1.1 200 OK\r\nContent-Le",
    "after the headers": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    "in the body": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal",
    "in a chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal",
  };

  it.each(Object.entries(stages))("%s are RESET", async (_, bytes) => {
    const { send } = await servedRaw((socket) => {
      if (bytes === "") socket.resetAndDestroy();
      else socket.write(bytes, () => socket.resetAndDestroy());
    });
    const all = send().then(({ body }) => readAll(body));
    expect(await rejection(all)).toMatchObject({ code: "RESET" });
  });

  it("on connecting are a failure to connect or one too", async () => {
    const server = createTcpServer((socket) => socket.resetAndDestroy());
    const address = await listening(server);
    const { transport } = rigFor(address);
    expect(await rejection(transport.send(outgoing(address)))).toMatchObject({
      code: expect.stringMatching(/^(?:CONNECT|RESET)$/),
    });
  });
});
