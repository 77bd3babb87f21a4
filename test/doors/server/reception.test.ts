import { describe, expect, it } from "vitest";
import { dial, openDoor, readAll, readUntil, talk } from "../open-door.ts";

const get = (target: string, more = "") =>
  `GET ${target} HTTP/1.1\r\nHost: cache.lan:3128\r\n${more}\r\n`;

describe("which door", () => {
  it.each([
    ["/v2/", "mirror", { target: "/v2/", isTls: false, isDirect: true }],
    ["/v2", "mirror", { host: { host: "cache.lan", port: 3128 } }],
    ["/v2/a/tags/list?n=1", "mirror", { target: "/v2/a/tags/list?n=1", client: "127.0.0.1" }],
    ["/v2x", "front page", { target: "/v2x" }],
    ["/ca.crt", "front page", { target: "/ca.crt" }],
    ["//v2/", "front page", { target: "//v2/" }],
    [
      "http://plain.test:5000/v2/a/tags/list?n=1",
      "engine",
      {
        registry: { name: "http://plain.test:5000", scheme: "http" },
        door: "proxy",
        target: "/v2/a/tags/list?n=1",
      },
    ],
    ["HTTP://PLAIN.test:5000", "engine", { target: "/" }],
    ["http://plain.test:5000?a=b", "engine", { target: "/?a=b" }],
    ["http://proxy.lan/ca.crt", "front page", { target: "/ca.crt", isDirect: false }],
    ["http://proxy.lan/v2/", "mirror", { host: { host: "proxy.lan", port: 80 } }],
  ])("%s: %s", async (target, door, ask) => {
    const { port, seen } = await openDoor();
    expect(await talk(port, get(target, "Connection: close\r\n"))).toMatch(/^HTTP\/1.1 200 /);
    expect(seen).toMatchObject([{ door, ask }]);
  });

  it.each([
    ["*", 400],
    ["ftp://plain.test:5000/", 400],
    ["https://plain.test:5000/v2/", 400],
    ["http://user:CANARY@plain.test:5000/v2/", 400],
    ["http:///v2/", 400],
    ["http://0x7f.1/", 400],
    ["http://elsewhere.example/", 403],
  ])("%s is refused with %i", async (target, status) => {
    const { port, seen } = await openDoor();
    expect(await talk(port, get(target))).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(seen).toEqual([]);
  });

  it("goes by the target's authority, whatever Host says", async () => {
    const { port, seen } = await openDoor();
    await talk(port, get("http://plain.test:5000/v2/", "Connection: close\r\n"));
    expect(seen).toMatchObject([{ ask: { registry: { name: "http://plain.test:5000" } } }]);
  });
});

describe("a request that two servers could read in two ways", () => {
  const host = "Host: cache.lan:3128\r\n";

  it.each([
    ["two Hosts", `GET /v2/ HTTP/1.1\r\n${host}Host: other\r\n\r\n`],
    ["no Host", "GET /v2/ HTTP/1.1\r\n\r\n"],
    [
      "two lengths",
      `POST /v2/ HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`,
    ],
    [
      "two equal lengths",
      `POST /v2/ HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`,
    ],
    [
      "a length and a coding",
      `POST /v2/ HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      "another coding",
      `POST /v2/ HTTP/1.1\r\n${host}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      "a coding twice",
      `POST /v2/ HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      "a hidden coding",
      `POST /v2/ HTTP/1.1\r\n${host}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      "a coding in HTTP/1.0",
      `POST /v2/ HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ["a body on GET", `GET /v2/ HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nGET /`],
    ["a body on HEAD", `HEAD /v2/ HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    [
      "a body on CONNECT",
      `CONNECT a.example:443 HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhello`,
    ],
    ["a signed length", `POST /v2/ HTTP/1.1\r\n${host}Content-Length: +5\r\n\r\nhello`],
    ["a hexadecimal length", `POST /v2/ HTTP/1.1\r\n${host}Content-Length: 0x5\r\n\r\nhello`],
    ["a space before the colon", `GET /v2/ HTTP/1.1\r\n${host}Content-Length : 0\r\n\r\n`],
    ["a folded field", `GET /v2/ HTTP/1.1\r\n${host}X: a\r\n b\r\n\r\n`],
    ["a bare CR", `GET /v2/ HTTP/1.1\r\n${host}X: a\rb\r\n\r\n`],
    ["a NUL in a field", `GET /v2/ HTTP/1.1\r\n${host}X: a\0b\r\n\r\n`],
    ["a NUL in the target", `GET /v2/\0 HTTP/1.1\r\n${host}\r\n`],
    ["a space in the target", `GET /v2/ a HTTP/1.1\r\n${host}\r\n`],
    ["a fragment in the target", `GET /v2/#a HTTP/1.1\r\n${host}\r\n`],
    ["another protocol", `GET /v2/ HTTP/9.9\r\n${host}\r\n`],
    ["the h2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
    ["a target over 8 KiB", `GET /${"a".repeat(8_200)} HTTP/1.1\r\n${host}\r\n`],
    ["over 16 KiB of fields", `GET /v2/ HTTP/1.1\r\n${host}X: ${"a".repeat(17_000)}\r\n\r\n`],
    ["over 100 fields", `GET /v2/ HTTP/1.1\r\n${host}${"X: a\r\n".repeat(100)}\r\n`],
    [
      "1,000 fields, the second Host last",
      `GET /v2/ HTTP/1.1\r\n${host}${"X:a\r\n".repeat(1_000)}Host: b\r\n\r\n`,
    ],
  ])("%s is refused whole", async (_what, text) => {
    const { port, seen, dialled } = await openDoor({ tunnelTo: 1 });
    expect(await talk(port, text)).toMatch(/^HTTP\/1.1 (?:400|431|501) /);
    expect(seen).toEqual([]);
    expect(dialled).toEqual([]);
    expect(await talk(port, get("/v2/", "Connection: close\r\n"))).toMatch(/^HTTP\/1.1 200 /);
  });
});

describe("what follows a refused request", () => {
  it("on the same connection is taken for its body", async () => {
    const { port, seen } = await openDoor();
    const refused = `POST /v2/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity, chunked\r\n\r\n`;
    const answer = await talk(port, `${refused}0\r\n\r\n${get("/v2/smuggled")}`);
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 400"]);
    expect(seen).toEqual([]);
  });
});

describe("fields", () => {
  it("the proxy's own login reaches nobody behind it", async () => {
    const { port } = await openDoor({ admission: { proxyLogins: ["bob:CANARY-x"] } });
    const login = `Proxy-Authorization: Basic ${btoa("bob:CANARY-x")}\r\nConnection: close\r\n`;
    const answer = await talk(port, get("http://plain.test:5000/v2/", login));
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
    expect(answer.toLowerCase()).not.toContain("proxy-authorization");
    const without = await talk(port, get("http://plain.test:5000/v2/"));
    expect(without).toMatch(/^HTTP\/1.1 407 [\s\S]*Proxy-Authenticate: Basic realm="entrepot"/);
  });

  it("Upgrade to h2c is ignored, to a WebSocket refused", async () => {
    const { port } = await openDoor();
    const upgrade = (to: string) => `Connection: Upgrade, close\r\nUpgrade: ${to}\r\n`;
    expect(await talk(port, get("/v2/", upgrade("h2c")))).toMatch(/^HTTP\/1.1 200 /);
    expect(await talk(port, get("/v2/", upgrade("websocket")))).toMatch(/^HTTP\/1.1 501 /);
  });
});

it("a client outside ALLOW_CLIENTS is refused at every door", async () => {
  const { port, seen, events } = await openDoor({
    admission: { allowClients: ["203.0.113.0/24"] },
  });
  for (const target of ["/v2/", "/ca.crt", "http://plain.test:5000/v2/"]) {
    const answer = await talk(port, get(target));
    expect(answer).toMatch(/^HTTP\/1.1 403 [\s\S]*127\.0\.0\.1 may not use this proxy/);
  }
  expect(seen).toEqual([]);
  expect(events).toHaveLength(3);
});

it("a handler that fails costs its client a 500, and nobody else anything", async () => {
  const { port, events } = await openDoor({
    engine: async () => {
      throw new TypeError("CANARY");
    },
  });
  const answer = await talk(port, get("http://plain.test:5000/v2/"));
  expect(answer).toMatch(/^HTTP\/1.1 500 /);
  expect(answer).not.toContain("CANARY");
  expect(events).toMatchObject([{ kind: "handlerFailed", cause: { message: "CANARY" } }]);
});

it("a connection carries many requests, and pipelined ones are answered in order", async () => {
  const { port } = await openDoor();
  const socket = await dial(port);
  socket.write(get("/v2/1") + get("/v2/2") + get("/v2/3", "Connection: close\r\n"));
  const answers = (await readAll(socket)).match(/"target":"[^"]+"/g);
  expect(answers).toEqual(["/v2/1", "/v2/2", "/v2/3"].map((target) => `"target":"${target}"`));
});

it("a push's Expect: 100-continue is answered before its body is sent", async () => {
  const { port } = await openDoor();
  const socket = await dial(port);
  socket.write(
    "PUT /v2/a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
  );
  expect(await readUntil(socket, "\r\n\r\n")).toBe("HTTP/1.1 100 Continue\r\n\r\n");
  socket.write("body");
  expect(await readAll(socket)).toMatch(/^HTTP\/1.1 200 OK[\s\S]*"body":"body"/);
});
