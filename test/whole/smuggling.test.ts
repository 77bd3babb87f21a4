/** Requests that two servers could read in two ways: refused whole, at the listener and inside a tunnel. */
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { converse, dial, direct, secured, tunnel, viaProxy } from "./support/client.ts";
import { addImage, type Image } from "./support/image.ts";
import { type NamedRegistry, type Program, Scene } from "./support/program.ts";

let scene: Scene;
let registry: NamedRegistry;
let image: Image;
let program: Program;

beforeAll(async () => {
  scene = await Scene.open();
  registry = await scene.registry("registry.test");
  image = addImage(registry.server, "team/app");
  program = await scene.start({ REGISTRIES: registry.name });
}, 60_000);

afterAll(() => scene.close());

const smuggled = "GET /v2/team/smuggled/manifests/1 HTTP/1.1\r\nHost: HOST\r\n\r\n";
const get = "GET PATH HTTP/1.1\r\nHost: HOST\r\n";
const patch = "PATCH UPLOAD HTTP/1.1\r\nHost: HOST\r\n";
const many = (count: number, field: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => field(index)).join("");

/** PATH, UPLOAD and HOST stand for what is right at the door; latin1. */
const corpus: Readonly<Record<string, string>> = {
  "length and chunked": `${patch}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  "chunked and length": `${patch}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${smuggled}`,
  "two lengths": `${patch}Content-Length: 5\r\nContent-Length: 0\r\n\r\nhello${smuggled}`,
  "two equal lengths": `${patch}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`,
  "two lengths in one field": `${patch}Content-Length: 5, 5\r\n\r\nhello`,
  "two lengths by case": `${patch}content-length: 5\r\nCONTENT-LENGTH: 0\r\n\r\nhello${smuggled}`,
  "a length with a sign": `${patch}Content-Length: +5\r\n\r\nhello`,
  "a negative length": `${patch}Content-Length: -5\r\n\r\nhello`,
  "a hexadecimal length": `${patch}Content-Length: 0x5\r\n\r\nhello`,
  "a length with a blank in it": `${patch}Content-Length: 5 5\r\n\r\nhello`,
  "an empty length": `${patch}Content-Length: \r\n\r\nhello`,
  "a length beyond all numbers": `${patch}Content-Length: 99999999999999999999\r\n\r\nhello`,
  xchunked: `${patch}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${smuggled}`,
  identity: `${patch}Transfer-Encoding: identity\r\n\r\n0\r\n\r\n${smuggled}`,
  "identity, chunked": `${patch}Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  "gzip, chunked": `${patch}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  "chunked, identity": `${patch}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${smuggled}`,
  "chunked twice": `${patch}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  "chunked, then another coding": `${patch}Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n`,
  "a coding with a vertical tab": `${patch}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n${smuggled}`,
  "a quoted coding": `${patch}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n${smuggled}`,
  "a blank before the colon": `${patch}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  "a folded coding": `${patch}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  "chunked over HTTP/1.0": `PATCH UPLOAD HTTP/1.0\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  "a chunk size that is none": `${patch}Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n`,
  "a chunk size with a sign": `${patch}Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n`,
  "a chunk size with 0x": `${patch}Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n`,
  "a chunk size beyond all numbers": `${patch}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\nhello\r\n0\r\n\r\n`,
  "a chunk longer than it says": `${patch}Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n`,
  "a chunk that ends with a bare LF": `${patch}Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n${smuggled}`,
  "bare LFs": "GET PATH HTTP/1.1\nHost: HOST\n\n",
  "bare CRs": "GET PATH HTTP/1.1\rHost: HOST\r\r",
  "a bare CR in a value": `${get}X: a\rGET / HTTP/1.1\r\n\r\n`,
  "a NUL in a value": `${get}X: a\0b\r\n\r\n`,
  "a NUL in a name": `${get}X\0: a\r\n\r\n`,
  "a control character in a value": `${get}X: a\x01b\r\n\r\n`,
  "a name with a blank": `${get}X Y: a\r\n\r\n`,
  "no name": `${get}: a\r\n\r\n`,
  "no colon": `${get}nonsense\r\n\r\n`,
  "a folded field": `${get}X: a\r\n b\r\n\r\n`,
  "a folded first field": "GET PATH HTTP/1.1\r\n Host: HOST\r\n\r\n",
  "two Hosts": `${get}Host: evil.test\r\n\r\n`,
  "two equal Hosts": `${get}Host: HOST\r\n\r\n`,
  "two Hosts by case": `${get}hOST: evil.test\r\n\r\n`,
  "no Host": "GET PATH HTTP/1.1\r\n\r\n",
  "a GET with a body": `${get}Content-Length: 5\r\n\r\nhello`,
  "a GET with a chunked body": `${get}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  "a HEAD with a body": "HEAD PATH HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\n\r\nhello",
  "a DELETE with a body": "DELETE PATH HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\n\r\nhello",
  "a CONNECT with a body": "CONNECT HOST HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\n\r\nhello",
  "a request line with a blank in it": "GET PATH x HTTP/1.1\r\nHost: HOST\r\n\r\n",
  "a request line with a tab": "GET\tPATH\tHTTP/1.1\r\nHost: HOST\r\n\r\n",
  "HTTP/0.9": "GET PATH\r\n\r\n",
  "HTTP/1.2": "GET PATH HTTP/1.2\r\nHost: HOST\r\n\r\n",
  "HTTP/2.0": "GET PATH HTTP/2.0\r\nHost: HOST\r\n\r\n",
  "HTTP/11.1": "GET PATH HTTP/11.1\r\nHost: HOST\r\n\r\n",
  "the preface of HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "a method of our own making": "G\x01T PATH HTTP/1.1\r\nHost: HOST\r\n\r\n",
  "a target with raw UTF-8": "GET /v2/t\xc3\xa9am/app/manifests/1 HTTP/1.1\r\nHost: HOST\r\n\r\n",
  "a target with a fragment": "GET PATH#x HTTP/1.1\r\nHost: HOST\r\n\r\n",
  "a target with user information":
    "GET http://user:CANARY-p@HOST/v2/ HTTP/1.1\r\nHost: HOST\r\n\r\n",
  "an absolute https target": "GET https://HOST/v2/ HTTP/1.1\r\nHost: HOST\r\n\r\n",
  "an asterisk for a target": "OPTIONS * HTTP/1.1\r\nHost: HOST\r\n\r\n",
  "a target of 9 KiB": `GET PATH?${"x".repeat(9_216)} HTTP/1.1\r\nHost: HOST\r\n\r\n`,
  "a head of 20 KiB": `${get}X: ${"x".repeat(20_480)}\r\n\r\n`,
  "101 fields": `${get}${many(100, (index) => `X-${index}: x\r\n`)}\r\n`,
  "a thousand fields": `${get}${many(1_000, (index) => `X-${index}: x\r\n`)}\r\n`,
  "a WebSocket": `${get}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n\r\n`,
};

/** The statuses of everything that came back; empty when the connection was closed without a word. */
function statuses(text: string): readonly number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
}

const refusals: ReadonlySet<number | undefined> = new Set([400, 405, 413, 414, 421, 431, 501, 505]);

function isRefused(text: string): boolean {
  const all = statuses(text);
  if (text.endsWith("(open)")) return false;
  return all.length === 0 || (all.length === 1 && refusals.has(all[0]));
}

async function odd(): Promise<Readonly<Record<string, string>>> {
  const own = `127.0.0.1:${program.port}`;
  const prefix = `/v2/${registry.name}`;
  const doors = {
    listener: async (text: string) =>
      converse(await dial(program.port), spelt(text, { host: own, prefix })),
    tunnel: async (text: string) => {
      const { socket } = await tunnel(program, registry.name);
      const tls = await secured(socket, program, registry.name);
      return converse(tls, spelt(text, { host: registry.name, prefix: "/v2" }));
    },
  };
  const found: Record<string, string> = {};
  const cases = Object.entries(corpus).flatMap(([name, text]) =>
    Object.entries(doors).map(([door, send]) => ({ name: `${door}: ${name}`, text, send })),
  );
  await Promise.all(
    cases.map(async ({ name, text, send }) => {
      const answer = await send(text);
      if (!isRefused(answer)) found[name] = answer.slice(0, 300);
    }),
  );
  return found;
}

function spelt(text: string, its: { readonly host: string; readonly prefix: string }): string {
  return text
    .replaceAll("PATH", `${its.prefix}/team/app/manifests/1`)
    .replaceAll("UPLOAD", `${its.prefix}/team/app/blobs/uploads/1`)
    .replaceAll("/v2/team/smuggled", `${its.prefix}/team/smuggled`)
    .replaceAll("HOST", its.host);
}

describe("a request that can be read in two ways", () => {
  it("is refused, and leaves nothing behind", async () => {
    expect(Object.keys(corpus).length).toBeGreaterThanOrEqual(60);
    expect(await odd()).toEqual({});
    expect(registry.server.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([]);
    const inside = await viaProxy(program, registry.name, "/v2/team/app/manifests/1");
    const outside = await direct(program, `/v2/${registry.name}/team/app/blobs/${image.layer}`);
    expect([inside.status, outside.status]).toEqual([200, 200]);
    expect(outside.body.equals(image.layerBytes)).toBe(true);
    expect(inside.headers["docker-content-digest"]).toBe(image.manifest);
  });

  it("does not spoil a request before it on the same connection", async () => {
    const { socket } = await tunnel(program, registry.name);
    const tls = await secured(socket, program, registry.name);
    const right = spelt(`${get}\r\n`, { host: registry.name, prefix: "/v2" });
    const wrong = spelt(corpus["length and chunked"] ?? "", { host: registry.name, prefix: "/v2" });
    tls.write(right);
    await once(tls, "readable");
    expect(statuses(await converse(tls, wrong + right))).toEqual([200, 400]);
  });

  it("is recognised when the names do not agree", async () => {
    const { socket } = await tunnel(program, registry.name);
    const tls = await secured(socket, program, registry.name);
    const path = "/v2/team/app/manifests/1";
    const text = `GET ${path} HTTP/1.1\r\nHost: evil.test\r\n\r\n`;
    expect(statuses(await converse(tls, text))).toEqual([421]);
    const again = await tunnel(program, registry.name);
    const inner = await secured(again.socket, program, registry.name);
    const absolute = `GET http://evil.test${path} HTTP/1.1\r\nHost: ${registry.name}\r\n\r\n`;
    expect(statuses(await converse(inner, absolute))).toEqual([400]);
  });
});

it.each(["listener", "tunnel"])(
  "a head of 20 KiB is told so in words, and logged: %s",
  async (door) => {
    const before = program.lines.length;
    const token = `Authorization: Bearer CANARY-${"x".repeat(20_480)}`;
    const text = `GET /v2/a/manifests/1 HTTP/1.1\r\nHost: ${registry.name}\r\n${token}\r\n\r\n`;
    const { socket } = await tunnel(program, registry.name);
    const stream =
      door === "tunnel" ? await secured(socket, program, registry.name) : await dial(program.port);
    if (door === "listener") socket.destroy();
    const said = await converse(stream, text);
    expect(said).toMatch(/^HTTP\/1\.1 431 /);
    const [, body = ""] = said.split("\r\n\r\n");
    expect(JSON.parse(body).errors[0].message).toContain("longer than 16 KiB in all");
    await eventually(() => {
      const lines = program.lines.slice(before).map((line) => JSON.parse(line));
      expect(lines).toContainEqual(expect.objectContaining({ msg: "refused", status: 431 }));
      expect(program.lines.join("")).not.toContain("CANARY-x");
    });
  },
);
