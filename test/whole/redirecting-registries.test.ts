/** Registries that send everybody on for a blob, and leave it to what lies there to say no. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../src/protocol/digest.ts";
import { eventually } from "../support/eventually.ts";
import { viaProxy } from "./support/client.ts";
import { type EvilServer, evilServer, type Handler } from "./support/evil-server.ts";
import { basic } from "./support/login.ts";
import { type Program, Scene } from "./support/program.ts";

const alice = basic(["alice", "CANARY-alice"]);
const anna = basic(["anna", "CANARY-anna"]);
const mallory = basic(["mallory", "CANARY-mallory"]);
const layer = Buffer.from("CANARY-layer ".repeat(20_000));
const digest = digestOf(layer);
const path = `/v2/corp/secret/blobs/${digest}`;

let scene: Scene;
let program: Program;
let registry: EvilServer;
let cdn: EvilServer;

beforeEach(async () => {
  scene = await Scene.open();
  registry = await evilServer(scene, "registry.test");
  cdn = await evilServer(scene, "cdn.test");
  program = await scene.start({ REGISTRIES: `${registry.name} ${cdn.name}` });
});

const isAlice = (request: IncomingMessage) => request.headers.authorization === alice;

function give(request: IncomingMessage, response: ServerResponse): void {
  const isPart = request.headers.range === "bytes=0-0";
  const range = isPart ? { "content-range": `bytes 0-0/${layer.length}` } : {};
  const bytes = isPart ? layer.subarray(0, 1) : layer;
  response.writeHead(isPart ? 206 : 200, { "content-length": bytes.length, ...range });
  response.end(request.method === "HEAD" ? undefined : bytes);
}

const sendOn =
  (location: string): Handler =>
  (request, response) =>
    request.url?.includes("/blobs/") === true
      ? response.writeHead(307, { location }).end()
      : response.writeHead(401, { "www-authenticate": "Basic realm=x" }).end();

const page: Handler = (_request, response) =>
  response.writeHead(200, { "content-type": "text/html" }).end("<form>please log in</form>");

const ask = (authorization: string, method = "GET") =>
  viaProxy(program, registry.name, path, { method, headers: { authorization } });

/** Alice pulls the blob, and a minute later nobody remembers that she may. */
async function aliceHasIt(): Promise<void> {
  expect((await ask(alice)).body.equals(layer)).toBe(true);
  await eventually(() => program.lines.some((line) => line.includes("kept a blob")));
  scene.aheadMs += 61_000;
  registry.heard.length = 0;
  cdn.heard.length = 0;
}

describe("a kept blob of a registry that redirects everybody", () => {
  it.each<readonly [string, () => Handler, () => Handler | undefined]>([
    [
      "to a place of its own that knows logins",
      () => (request, response) => {
        if (request.url !== "/storage") sendOn("/storage")(request, response);
        else if (isAlice(request)) give(request, response);
        else response.writeHead(403).end();
      },
      () => undefined,
    ],
    [
      "to a login page",
      () => (request, response) =>
        sendOn(isAlice(request) ? `https://${cdn.name}/signed` : `https://${cdn.name}/login`)(
          request,
          response,
        ),
      () => (request, response) => (request.url === "/signed" ? give : page)(request, response),
    ],
  ])("%s is given to who gets it there, and to nobody else", async (_name, here, there) => {
    registry.answer = here();
    cdn.answer = there() ?? cdn.answer;
    await aliceHasIt();
    for (const method of ["GET", "HEAD"]) {
      const theirs = await ask(mallory, method).catch(() => undefined);
      expect(theirs?.body.includes("CANARY") ?? false).toBe(false);
      expect(theirs?.headers["cache-status"] ?? "").not.toContain("hit");
    }
    const hers = await ask(alice);
    expect(hers.headers["cache-status"]).toContain("hit");
    expect(hers.body.equals(layer)).toBe(true);
  });

  it("costs its storage one byte to be asked again", async () => {
    registry.answer = sendOn(`https://${cdn.name}/signed`);
    // Signed for GET alone, as S3 signs.
    cdn.answer = (request, response) =>
      request.method === "GET" ? give(request, response) : void response.writeHead(403).end();
    await aliceHasIt();
    expect((await ask(alice)).headers["cache-status"]).toContain("hit");
    expect(registry.heard.map((one) => one.split(" ")[0])).toEqual(["HEAD", "GET"]);
    expect(cdn.heard).toHaveLength(1);
    expect(cdn.heard[0]?.toLowerCase()).toContain("bytes=0-0");
    expect(cdn.heard[0]).not.toMatch(/authorization/i);
  });

  it("is fetched from it again, and withdrawn from nobody, when its storage refuses", async () => {
    registry.answer = sendOn(`https://${cdn.name}/signed`);
    cdn.answer = give;
    await aliceHasIt();
    cdn.answer = (_request, response) => void response.writeHead(403).end();
    expect((await ask(anna)).status).toBe(403);
    cdn.answer = give;
    for (const login of [anna, alice]) {
      expect((await ask(login)).headers["cache-status"]).toContain("hit");
    }
  });
});
