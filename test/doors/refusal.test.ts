import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { createServer } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import {
  askedOf,
  type Refusal,
  refusalOf,
  refuseConnect,
  refuseRequest,
} from "../../src/doors/refusal.ts";
import { UpstreamError, type UpstreamErrorCode } from "../../src/upstream/upstream-error.ts";
import { dial, portOf, readAll, talk } from "./open-door.ts";

const sentence = "registry.lan:5000 is a private address; add it to REGISTRIES on the proxy";

it("a refused CONNECT has the sentence in its reason phrase and in its body", async () => {
  const text = await refused({ status: 403, sentence });
  const [head = "", body = ""] = text.split("\r\n\r\n");
  expect(head).toMatch(new RegExp(`^HTTP/1.1 403 ${sentence}\r\n`));
  expect(head).toContain(`Content-Length: ${body.length}`);
  expect(JSON.parse(body)).toEqual({ errors: [{ code: "DENIED", message: sentence }] });
});

it("a client that goes on sending still reads the whole refusal", async () => {
  const text = await refused({ status: 403, sentence }, "x".repeat(1_000_000));
  expect(text).toContain(`"message":"${sentence}"`);
});

it.each([
  ["GET", "http://bob:CANARY@a.example/b?token=CANARY", "GET http://a.example/b"],
  ["CONNECT", "bob:CANARY@a.example:443", "CONNECT a.example:443"],
  ["GET", "/v2/a@b/c", "GET /v2/a@b/c"],
])("the log hears of %s %s without its secrets", (method, url, asked) => {
  expect(askedOf({ method, url } as IncomingMessage)).toBe(asked);
});

it.each([
  ["FORBIDDEN", 403],
  ["DNS", 502],
  ["TLS", 502],
  ["TIMEOUT", 504],
  ["DOWN", 503],
  ["OFFLINE", 503],
] satisfies [UpstreamErrorCode, number][])("an upstream error %s is a %i", (code, status) => {
  expect(refusalOf(new UpstreamError(code, "h", "why"))).toEqual({ status, sentence: "why" });
});

it.each([
  [404, "NAME_UNKNOWN"],
  [405, "UNSUPPORTED"],
  [407, "UNAUTHORIZED"],
  [429, "TOOMANYREQUESTS"],
  [503, "UNAVAILABLE"],
  [400, "UNKNOWN"],
])("a request refused with %i carries the code %s, and nothing for HEAD", async (status, code) => {
  const server = createHttpServer((_request, response) => {
    refuseRequest(response, { status, sentence, headers: { "X-Why": "this" } });
  });
  server.listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const get = await talk(portOf(server), "GET / HTTP/1.0\r\n\r\n");
  const [head = "", body = ""] = get.split("\r\n\r\n");
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(head).toContain("X-Why: this");
  expect(JSON.parse(body)).toEqual({ errors: [{ code, message: sentence }] });
  expect(await talk(portOf(server), "HEAD / HTTP/1.0\r\n\r\n")).toMatch(/\r\n\r\n$/);
});

it("an answer that has begun is cut instead", async () => {
  const server = createHttpServer((_request, response) => {
    response.write("half");
    refuseRequest(response, { status: 500, sentence });
  });
  server.listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const answer = fetch(`http://127.0.0.1:${portOf(server)}/`).then((answered) => answered.text());
  await expect(answer).rejects.toThrow();
});

/** What a client that sends `more` reads of the refusal. */
async function refused(refusal: Refusal, more = ""): Promise<string> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    refuseConnect(socket, refusal);
  });
  server.listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const client = await dial(portOf(server));
  client.write(more);
  return readAll(client);
}
