/** A registry that closes each kept connection in the very moment when it is used again. */
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { beforeEach, expect, it } from "vitest";
import { viaProxy } from "./support/client.ts";
import { type EvilServer, evilServer, type Handler } from "./support/evil-server.ts";
import { manifestType } from "./support/image.ts";
import { type Program, Scene } from "./support/program.ts";

const digestOf = (bytes: Buffer) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const layer = Buffer.alloc(20_000, "layer");

let scene: Scene;
let registry: EvilServer;
let storage: EvilServer;
let program: Program;
let seen: number;

beforeEach(async () => {
  scene = await Scene.open();
  [registry, storage] = [await evilServer(scene, "reg.test"), await evilServer(scene, "cdn.test")];
  seen = 0;
  registry.answer = closing(answer);
  storage.answer = closing((_, response) => {
    response.writeHead(200, { "content-length": layer.length }).end(layer);
  });
  program = await scene.start({ REGISTRIES: `${registry.name} ${storage.name}`, TAG_TTL: "0s" });
  return () => [registry, storage].map((server) => server.close());
});

/** All look as if they were kept, and none is. */
function closing(handler: Handler): Handler {
  const used = new WeakSet<Socket>();
  return (request, response) => {
    if (used.has(request.socket)) return void request.socket.destroy();
    used.add(request.socket);
    request.resume();
    request.once("end", () => handler(request, response));
  };
}

function answer({ method, url = "", headers }: IncomingMessage, response: ServerResponse): void {
  seen += 1;
  const say = (body: string, type = "application/json") => {
    const bytes = Buffer.from(body);
    const digest = { "docker-content-digest": digestOf(bytes) };
    response.writeHead(200, { ...digest, "content-type": type, "content-length": bytes.length });
    response.end(method === "HEAD" ? undefined : bytes);
  };
  const [, name] = /manifests[/](.+)/.exec(url) ?? [];
  if (url.startsWith("/token")) say('{"token":"good","expires_in":300}');
  else if (headers.authorization === undefined) {
    const challenge = `Bearer realm="https://${registry.name}/token",service="reg"`;
    response.writeHead(401, { "www-authenticate": challenge }).end("{}");
  } else if (url.includes("/blobs/")) {
    const location = `https://${storage.name}/there/${url.split("/").at(-1)}`;
    response.writeHead(307, { location }).end();
  } else if (name === undefined) say('{"name":"team/app","tags":["1"],"manifests":[]}');
  else
    say(
      JSON.stringify({ schemaVersion: 2, mediaType: manifestType, name, layers: [] }),
      manifestType,
    );
}

/** In every kind of request several connections have been kept, which end all at once. */
it("fails nobody: pings, tokens by query and by form, manifests, layers by way of storage, lists", async () => {
  const get = (path: string, more: { method?: string; body?: string } = {}) => {
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const fields = more.body === undefined ? { authorization: "Bearer good" } : form;
    const headers = { accept: manifestType, ...fields };
    return viaProxy(program, registry.name, path, { ...more, headers });
  };
  const login = "grant_type=password&service=reg&username=carol&password=CANARY";
  const kinds = [
    () => get("/v2/"),
    () => get("/token?service=reg"),
    () => get("/token", { method: "POST", body: login }),
    (nth: number) => get(`/v2/team/app/manifests/${nth}`),
    (nth: number) => get(`/v2/team/app/manifests/${nth}`, { method: "HEAD" }),
    (nth: number) => get(`/v2/team/app${nth}/blobs/${digestOf(layer)}`),
    () => get("/v2/team/app/tags/list"),
    () => get(`/v2/team/app/referrers/${digestOf(layer)}`),
  ];
  const all = kinds.flatMap((kind) => Array.from({ length: 4 }, () => kind));
  for (let round = 0; round < 4; round += 1) {
    // As many at once as leave many connections behind.
    const answers = await Promise.all(all.map((ask, at) => ask(round * all.length + at)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  }
  expect(seen).toBeGreaterThan(100);
});
