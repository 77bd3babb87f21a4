import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { UpstreamError } from "../../../src/upstream/upstream-error.ts";
import { eventually } from "../../support/eventually.ts";
import {
  connectThrough,
  dial,
  openDoor,
  portOf,
  readAll,
  readUntil,
  secure,
  talk,
} from "../open-door.ts";

describe("CONNECT to a registry", () => {
  it.each([
    ["registry.test:443", "registry.test", "registry.test", "registry.test"],
    ["REGISTRY.test.:443", "registry.test", "registry.test", "Registry.Test"],
    ["odd.test:8443", "odd.test", "odd.test:8443", "odd.test"],
    ["10.99.0.1:443", "10.99.0.1", "10.99.0.1", undefined],
    ["[fd00::1]:443", "fd00::1", "[fd00::1]", undefined],
  ])("%s ends TLS here and asks the engine", async (authority, host, hostField, servername) => {
    const { port, authority: ca, seen } = await openDoor();
    const { head, socket } = await connectThrough(port, authority);
    expect(head).toBe("HTTP/1.1 200 Connection established\r\n\r\n");
    const tls = await secure(socket, host, { ca: ca.root, servername });
    tls.write(`GET /v2/ HTTP/1.1\r\nHost: ${hostField}\r\nConnection: close\r\n\r\n`);
    expect(await readAll(tls)).toMatch(/^HTTP\/1.1 200 OK/);
    expect(seen).toMatchObject([
      {
        door: "engine",
        ask: { registry: { scheme: "https" }, door: "proxy", target: "/v2/", client: "127.0.0.1" },
      },
    ]);
  });

  it("serves 50 clients one after the other, each with a handshake of its own", async () => {
    const { port, authority, seen, door } = await openDoor();
    for (let count = 0; count < 50; count += 1) {
      const { socket } = await connectThrough(port, "registry.test:443");
      const tls = await secure(socket, "registry.test", {
        ca: authority.root,
        servername: "registry.test",
      });
      expect(tls.alpnProtocol).toBe(false);
      tls.write("GET /v2/ HTTP/1.1\r\nHost: registry.test\r\nConnection: close\r\n\r\n");
      expect(await readAll(tls)).toMatch(/^HTTP\/1.1 200 OK/);
    }
    expect(seen).toHaveLength(50);
    await eventually(() => expect(door.open.size).toBe(0));
  });

  it("begins with eight of a crowd that comes in one moment, and with eight more in each turn", async () => {
    let turn = 0;
    const begun: number[] = [];
    const peerSpeaksTls = async () => {
      begun[turn] = (begun[turn] ?? 0) + 1;
      return "trusted" as const;
    };
    const { port, door } = await openDoor({ probe: { peerSpeaksTls } });
    const sockets = await Promise.all(Array.from({ length: 60 }, () => dial(port)));
    await eventually(async () => expect(await connectionsOf(door.server)).toBe(60));
    const heads = sockets.map((socket) => readUntil(socket, "\r\n\r\n"));
    let isOver = false;
    const count = (): void => {
      turn += 1;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    for (const [index, socket] of sockets.entries())
      socket.write(`CONNECT r${index}.test:443 HTTP/1.1\r\nHost: r${index}.test:443\r\n\r\n`);
    for (const head of await Promise.all(heads)) expect(head).toMatch(/^HTTP\/1.1 200 /);
    isOver = true;
    expect(Math.max(...begun.filter((many) => many !== undefined))).toBeLessThanOrEqual(8);
    expect(begun.reduce((sum, many) => sum + many, 0)).toBe(60);
  });

  it("loses no bytes that a hasty client sends along with its CONNECT", async () => {
    const { port, authority } = await openDoor();
    const proxy = await dial(port);
    const { near, far } = await wire();
    const host = "registry.test";
    const securing = secure(near, host, { ca: authority.root, servername: host });
    const [hello] = (await once(far, "data")) as [Buffer];
    const head = `CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}:443\r\n\r\n`;
    proxy.write(Buffer.concat([Buffer.from(head), hello]));
    let answer = "";
    proxy.on("data", (chunk: Buffer) => {
      const before = answer.length;
      answer += chunk.toString("latin1");
      const body = answer.indexOf("\r\n\r\n") + 4;
      far.write(chunk.subarray(Math.max(0, body - before)));
    });
    far.on("data", (chunk: Buffer) => proxy.write(chunk));
    const tls = await securing;
    tls.write(`GET /v2/ HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    expect(await readUntil(tls, "\r\n\r\n")).toMatch(/^HTTP\/1.1 200 OK/);
  });

  it("carries many requests on one connection", async () => {
    const { port, authority, seen } = await openDoor();
    const { socket } = await connectThrough(port, "registry.test:443");
    const tls = await secure(socket, "registry.test", {
      ca: authority.root,
      servername: "registry.test",
    });
    for (let count = 0; count < 5; count += 1) {
      tls.write(`GET /v2/${count} HTTP/1.1\r\nHost: registry.test\r\n\r\n`);
      expect(await readUntil(tls, "}")).toMatch(/^HTTP\/1.1 200 OK/);
    }
    expect(seen).toHaveLength(5);
  });

  it("speaks HTTP/1.1 with a client that would rather have h2", async () => {
    const { port, authority } = await openDoor();
    const { socket } = await connectThrough(port, "registry.test:443");
    const tls = connectTls({
      socket,
      ca: authority.root,
      servername: "registry.test",
      ALPNProtocols: ["h2", "http/1.1"],
    });
    onTestFinished(() => void tls.destroy());
    await once(tls, "secureConnect");
    expect(tls.alpnProtocol).toBe("http/1.1");
  });

  it("that the client does not follow up with TLS ends after the handshake's time", async () => {
    const { port, events } = await openDoor({ handshakeTimeout: 50 });
    const { socket } = await connectThrough(port, "registry.test:443");
    await once(socket, "close");
    expect(events).toMatchObject([{ kind: "handshakeFailed", host: "registry.test" }]);
  });
});

describe("CONNECT, SNI and Host that disagree", () => {
  const host = "registry.test";

  it.each([
    ["the same SNI and Host", host, host, 200],
    ["another Host", host, "other.test", 421],
    ["another port in Host", host, "registry.test:8443", 421],
    ["another SNI", "other.test", host, 421],
    ["another SNI and Host", "other.test", "other.test", 421],
    ["no SNI for a name", undefined, host, 421],
  ])("%s", async (_what, servername, hostField, status) => {
    const { port, authority, seen } = await openDoor();
    const { socket } = await connectThrough(port, `${host}:443`);
    const tls = await secure(socket, host, { ca: authority.root, servername });
    tls.write(`GET /v2/ HTTP/1.1\r\nHost: ${hostField}\r\nConnection: close\r\n\r\n`);
    expect(await readAll(tls)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(seen).toHaveLength(status === 200 ? 1 : 0);
  });

  it.each([
    ["CONNECT inside TLS", "CONNECT registry.test:443 HTTP/1.1\r\nHost: registry.test:443", 405],
    [
      "absolute form inside TLS",
      "GET http://registry.test/v2/ HTTP/1.1\r\nHost: registry.test",
      400,
    ],
    [
      "two Hosts inside TLS",
      "GET /v2/ HTTP/1.1\r\nHost: registry.test\r\nHost: registry.test",
      400,
    ],
  ])("%s is refused", async (_what, request, status) => {
    const { port, authority, seen } = await openDoor();
    const { socket } = await connectThrough(port, `${host}:443`);
    const tls = await secure(socket, host, { ca: authority.root, servername: host });
    tls.write(`${request}\r\n\r\n`);
    expect(await readAll(tls)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(seen).toHaveLength(0);
  });
});

describe("CONNECT to anything else", () => {
  it("is a tunnel that carries bytes both ways and half-closes", async () => {
    const far = await echoServer();
    const { port, dialled, events, door } = await openDoor({ tunnelTo: portOf(far) });
    const { head, socket } = await connectThrough(port, "pypi.example:443");
    expect(head).toMatch(/^HTTP\/1.1 200 /);
    socket.end("hello there");
    expect(await readAll(socket)).toBe("hello there");
    expect(dialled).toEqual([{ host: "pypi.example", port: 443 }]);
    await eventually(() =>
      expect(events).toMatchObject([
        { kind: "tunnelOpened", host: "pypi.example:443" },
        { kind: "tunnelClosed", sent: 11, received: 11 },
      ]),
    );
    expect(door.open.size).toBe(0);
  });

  it("gives its place to who comes where all are taken, once it has been silent", async () => {
    const far = await echoServer();
    const settings = { tunnelTo: portOf(far), silentAfter: 500 };
    const { port } = await openDoor({ ...settings, admission: { maxConnections: 3 } });
    const opened = [];
    for (let one = 0; one < 3; one += 1) opened.push(await connectThrough(port, "a.example:443"));
    const [silent, ...spoken] = opened.map(({ socket }) => socket.resume());
    const words = setInterval(() => spoken.map((socket) => socket.write("x")), 10);
    onTestFinished(() => clearInterval(words));
    await eventually(async () => {
      const newcomer = await talk(port, "GET / HTTP/1.0\r\n\r\n");
      expect(newcomer).toMatch(/^HTTP\/1.1 200 /);
    });
    expect([silent?.closed, ...spoken.map(({ closed }) => closed)]).toEqual([true, false, false]);
  });

  it("keeps what came with the CONNECT", async () => {
    const far = await echoServer();
    const { port } = await openDoor({ tunnelTo: portOf(far) });
    const socket = await dial(port);
    socket.write("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\nearly bird");
    expect(await readUntil(socket, "early bird")).toMatch(/early bird$/);
  });

  it("says why not in its reason phrase and in its body", async () => {
    const { port, events } = await openDoor();
    const { head, socket } = await connectThrough(port, "registry.lan:5000");
    const sentence = "registry.lan is not to be dialled";
    expect(head).toMatch(new RegExp(`^HTTP/1.1 403 ${sentence}\r\n`));
    expect(head + (await readAll(socket))).toContain(`"message":"${sentence}"`);
    expect(events).toMatchObject([
      { kind: "refused", status: 403, asked: "CONNECT registry.lan:5000" },
    ]);
  });

  it.each([
    "example.com",
    "http://example.com:443",
    "exa mple.com:443",
    "example.com:0",
    "example.com:65536",
    "0x7f.1:443",
    "2130706433:443",
    "017700000001:443",
    "user@example.com:443",
    "example..com:443",
    "example.com:443/path",
    "①②⑦.0.0.1:443",
    "[::1:443",
    "example.com\u3002:443",
  ])("%s is refused and never dialled", async (authority) => {
    const { port, dialled } = await openDoor({ tunnelTo: 1 });
    const answer = await talk(port, `CONNECT ${authority} HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(dialled).toEqual([]);
  });

  it("survives the reset of either side at any moment, without a word on the terminal", async () => {
    const printed = (["log", "info", "debug", "warn", "error"] as const).map((name) =>
      vi.spyOn(console, name),
    );
    const far = await echoServer();
    const { port, authority } = await openDoor({ tunnelTo: portOf(far) });
    const stages = [
      "CONN",
      "GET /v2/ HTTP/1.1\r\nHost: a\r\n",
      "CONNECT registry.test:443 HTTP/1.1\r\nHost: a\r\n\r\n",
      "CONNECT pypi.example:443 HTTP/1.1\r\nHost: a\r\n\r\n",
      "CONNECT 1:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    for (const stage of stages) {
      const early = await dial(port);
      early.write(stage);
      early.resetAndDestroy();
    }
    for (const host of ["registry.test:443", "pypi.example:443", "proxy.lan:443"]) {
      const { socket } = await connectThrough(port, host);
      socket.resetAndDestroy();
      const { socket: second } = await connectThrough(port, host);
      second.write(Buffer.from([0x16, 3, 1, 0, 200, 1]));
      second.resetAndDestroy();
      const { socket: third } = await connectThrough(port, host);
      third.write("not TLS at all\r\n\r\n");
      third.resetAndDestroy();
    }
    const { socket } = await connectThrough(port, "registry.test:443");
    const tls = await secure(socket, "registry.test", {
      ca: authority.root,
      servername: "registry.test",
    });
    tls.write("GET /v2/ HTTP/1.1\r\n");
    socket.resetAndDestroy();
    expect(await talk(port, "GET /v2/ HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1.1 200/);
    for (const spy of printed) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
  });
});

describe("CONNECT to one of our own names", () => {
  it.each(["proxy.lan:443", "10.9.8.7:443"])("%s over TLS is answered here", async (authority) => {
    const { port, authority: ca, seen, dialled } = await openDoor({ tunnelTo: 1 });
    const host = authority.replace(/:443$/, "");
    const { socket } = await connectThrough(port, authority);
    const servername = host === "proxy.lan" ? host : undefined;
    const tls = await secure(socket, host, { ca: ca.root, servername });
    tls.write(`GET /v2/a/tags/list HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect(await readAll(tls)).toMatch(/^HTTP\/1.1 200 OK/);
    expect(seen).toMatchObject([{ door: "mirror", ask: { host: { host }, isTls: true } }]);
    expect(dialled).toEqual([]);
  });

  it("over plain HTTP is answered here as well", async () => {
    const { port, seen, dialled } = await openDoor({ tunnelTo: 1 });
    const { socket } = await connectThrough(port, `proxy.lan:${port}`);
    socket.write(`GET /ca.crt HTTP/1.1\r\nHost: proxy.lan:${port}\r\nConnection: close\r\n\r\n`);
    expect(await readAll(socket)).toMatch(/^HTTP\/1.1 200 OK/);
    expect(seen).toMatchObject([{ door: "front page", ask: { target: "/ca.crt", isTls: false } }]);
    expect(dialled).toEqual([]);
  });
});

describe("who may CONNECT", () => {
  it("not a client outside ALLOW_CLIENTS", async () => {
    const { port, dialled } = await openDoor({ admission: { allowClients: ["203.0.113.0/24"] } });
    const { head } = await connectThrough(port, "registry.test:443");
    expect(head).toMatch(/^HTTP\/1.1 403 127\.0\.0\.1 may not use this proxy; .*ALLOW_CLIENTS/);
    expect(dialled).toEqual([]);
  });

  it("only with the login of PROXY_AUTH", async () => {
    const { port } = await openDoor({ admission: { proxyLogins: ["bob:CANARY-secret:x"] } });
    const basic = (login: string) => [`Proxy-Authorization: Basic ${btoa(login)}`];
    const without = await connectThrough(port, "registry.test:443", []);
    expect(without.head).toMatch(/^HTTP\/1.1 407 .*\r\nProxy-Authenticate: Basic realm=/);
    const wrong = await connectThrough(port, "registry.test:443", basic("bob:CANARY-secret"));
    expect(wrong.head).toMatch(/^HTTP\/1.1 407 /);
    const right = await connectThrough(port, "registry.test:443", basic("bob:CANARY-secret:x"));
    expect(right.head).toMatch(/^HTTP\/1.1 200 /);
  });
});

it.each([
  ["DNS", 502],
  ["TIMEOUT", 504],
  ["FORBIDDEN", 403],
] as const)("an upstream failure %s is answered %i", async (code, status) => {
  const { port } = await openDoor({
    probe: {
      peerSpeaksTls: async () => {
        throw new UpstreamError(code, "registry.test", "registry.test has no address");
      },
    },
  });
  const { head } = await connectThrough(port, "registry.test:443");
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} registry.test has no address\r\n`));
});

async function echoServer() {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk: Buffer) => socket.write(chunk));
    socket.on("end", () => socket.end());
  });
  server.listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  return server;
}

/** Two ends of one loopback connection. */
async function wire(): Promise<{ near: Socket; far: Socket }> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const accepted = once(server, "connection");
  const near = await dial(portOf(server));
  const [far] = (await accepted) as [Socket];
  onTestFinished(() => void far.destroy());
  return { near, far };
}

describe("a client that resumes its TLS session", () => {
  it.each(["TLSv1.2", "TLSv1.3"] as const)("over %s is answered again", async (version) => {
    const { port, authority } = await openDoor();
    const get = async (session?: Buffer) => {
      const socket = await dial(port);
      socket.write("CONNECT ghcr.test:443 HTTP/1.1\r\nHost: ghcr.test:443\r\n\r\n");
      await readUntil(socket, "\r\n\r\n");
      const tls = connectTls({
        ...{ socket, servername: "ghcr.test", ca: authority.root, session },
        ...{ minVersion: version, maxVersion: version },
      });
      let kept = session;
      tls.on("session", (its) => {
        kept = its;
      });
      tls.write("GET /v2/ HTTP/1.1\r\nHost: ghcr.test\r\nConnection: close\r\n\r\n");
      await once(tls, "secureConnect");
      const isReused = tls.isSessionReused();
      const answer = await readAll(tls);
      return { kept, isReused, status: answer.slice(9, 12) };
    };
    const first = await get();
    expect(first).toMatchObject({ isReused: false, status: "200" });
    for (const _ of [1, 2]) {
      expect(await get(first.kept)).toMatchObject({ isReused: true, status: "200" });
    }
  });

  it("is held to the name that its first handshake named", async () => {
    const { port, authority } = await openDoor();
    const statusOf = async (session?: Buffer) => {
      const socket = await dial(port);
      socket.write("CONNECT ghcr.test:443 HTTP/1.1\r\nHost: ghcr.test:443\r\n\r\n");
      await readUntil(socket, "\r\n\r\n");
      const tls = connectTls({
        ...{ socket, servername: "quay.test", ca: authority.root, session },
        ...{ maxVersion: "TLSv1.2", checkServerIdentity: () => undefined },
      });
      let kept = session;
      tls.on("session", (its) => {
        kept = its;
      });
      tls.write("GET /v2/ HTTP/1.1\r\nHost: ghcr.test\r\nConnection: close\r\n\r\n");
      return { status: (await readAll(tls)).slice(9, 12), kept };
    };
    const first = await statusOf();
    expect(first.status).toBe("421");
    expect((await statusOf(first.kept)).status).toBe("421");
  });
});

it.each([
  ["GET", "/v1/search?q=alpine", "index.docker.io"],
  ["GET", "/v2/library/alpine/tags/list", "docker.io"],
])("docker search goes to the host it names: %s %s", async (method, path, name) => {
  const { port, seen, authority } = await openDoor();
  const { socket } = await connectThrough(port, "index.docker.io:443");
  const its = { ca: authority.root, servername: "index.docker.io" };
  const tls = await secure(socket, "index.docker.io", its);
  tls.write(`${method} ${path} HTTP/1.1\r\nHost: index.docker.io\r\nConnection: close\r\n\r\n`);
  await readAll(tls);
  expect(seen).toMatchObject([{ ask: { registry: { name } } }]);
});

function connectionsOf(server: Server): Promise<number> {
  return new Promise((resolve) => server.getConnections((_, count) => resolve(count ?? 0)));
}
