/** Tag lists and referrers while their registry cannot be asked: the last that everybody may see. */
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type Asked, direct, viaProxy } from "./support/client.ts";
import { type EvilServer, evilServer, type Handler } from "./support/evil-server.ts";
import { manifestType } from "./support/image.ts";
import { type Program, Scene } from "./support/program.ts";

const manifest = Buffer.from(
  JSON.stringify({
    ...{ schemaVersion: 2, mediaType: manifestType, layers: [] },
    config: { mediaType: "x/y", size: 2, digest: `sha256:${"a".repeat(64)}` },
  }),
);
const digest = `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
const list = JSON.stringify({ name: "charts/app", tags: ["1.0.0", "1.1.0"] });
const tags = "/v2/charts/app/tags/list?n=50";
const own = { headers: { authorization: `Basic ${btoa("me:CANARY-own")}` } };

let scene: Scene;
let server: EvilServer;
let program: Program;
let status: number;
let listed: string;

const registry: Handler = ({ method, url = "" }, response) => {
  const isPing = url === "/v2/";
  if (status !== 200 && !isPing) return void response.writeHead(status).end("{}");
  if (method === "PUT") return void response.writeHead(201).end();
  if (!url.includes("/manifests/")) {
    const link = '</v2/charts/app/tags/list?n=50&last=1.1.0>; rel="next"';
    const fields = { "content-type": "application/json", link, "set-cookie": "s=CANARY-cookie" };
    return void response.writeHead(200, fields).end(isPing ? "{}" : listed);
  }
  const fields = { "content-type": manifestType, "docker-content-digest": digest };
  response.writeHead(200, { ...fields, "content-length": manifest.length });
  response.end(method === "HEAD" ? undefined : manifest);
};

const ask = (path: string, asked?: Asked) => viaProxy(program, server.name, path, asked);
const pull = () => ask("/v2/charts/app/manifests/1.1.0");

beforeEach(async () => {
  scene = await Scene.open();
  server = await evilServer(scene, "charts.test");
  server.answer = registry;
  [status, listed] = [200, list];
  program = await scene.start({ REGISTRIES: server.name, MIRROR_DEFAULT: server.name });
  return async () => {
    await scene.close();
    server.close();
  };
});

describe("a list whose registry cannot be asked", () => {
  it.each([tags, `/v2/charts/app/referrers/${digest}`])(
    "%s is the last one, at every door, and says so",
    async (path) => {
      await pull();
      expect((await ask(path)).headers["cache-status"]).toContain("fwd=bypass");
      status = 503;
      const stale = await ask(path);
      expect([stale.status, stale.body.toString()]).toEqual([200, list]);
      expect(stale.headers.link).toContain("last=1.1.0");
      expect(stale.headers.warning).toContain("cannot be asked; this is its list of");
      expect(stale.headers["set-cookie"]).toBeUndefined();
      server.close();
      expect((await direct(program, path)).body.toString()).toBe(list);
      expect(
        (await ask(path.replace("n=50", "n=51").replace("referrers/", "referrers/x"))).status,
      ).not.toBe(200);
    },
  );

  it("still says that it knows no referrers, so that their readers go on to a tag", async () => {
    const path = `/v2/charts/app/referrers/${digest}`;
    const others = "/v2/charts/app/tags/list?n=404";
    server.answer = (request, response) => {
      if (![path, others].includes(request.url ?? "")) return registry(request, response);
      response.writeHead(404, { "content-type": "text/plain" }).end("404 page not found");
    };
    await pull();
    expect((await ask(path)).status).toBe(404);
    expect((await ask(others)).status).toBe(404);
    server.close();
    const stale = await ask(path);
    expect([stale.status, stale.body.toString()]).toEqual([404, "404 page not found"]);
    expect(stale.headers.warning).toContain("cannot be asked");
    expect((await ask(others)).status).toBe(502);
  });

  it("that takes longer than a stale one may wait is fetched behind its clients' backs", async () => {
    await pull();
    await ask(tags);
    listed = JSON.stringify({ name: "charts/app", tags: ["2.0.0"] });
    const held: ServerResponse[] = [];
    server.answer = (request, response) => {
      if (request.url === tags) held.push(response);
      else registry(request, response);
    };
    const stale = await ask(tags);
    expect([stale.status, stale.body.toString()]).toEqual([200, list]);
    // One for the client, who had to do without, and one to the end.
    await eventually(() => expect(held).toHaveLength(2));
    // What is not a list is still asked for: one slow answer is no outage.
    scene.aheadMs += 11_000;
    expect((await pull()).headers["cache-status"]).toContain("revalidated");
    for (const response of held) registry({ url: tags } as IncomingMessage, response);
    await eventually(
      async () => expect(JSON.parse(`${(await ask(tags)).body}`).tags).toEqual(["2.0.0"]),
      { withinMs: 20_000 },
    );
  });

  it("is no longer what a push through the proxy has changed", async () => {
    await pull();
    await ask(tags);
    await ask("/v2/charts/app/manifests/2.0.0", { ...own, method: "PUT", body: "{}" });
    status = 503;
    expect((await ask(tags)).status).toBe(503);
  });

  it("is for nobody else when a login of one's own was needed to see it", async () => {
    await pull();
    await ask(tags, own);
    status = 503;
    expect((await ask(tags)).status).toBe(503);
    expect((await ask(tags, own)).status).toBe(503);
  });

  it("is for nobody before the registry has opened the repository to everybody", async () => {
    await ask(tags);
    status = 503;
    expect((await ask(tags)).status).toBe(503);
  });

  it.each([401, 403, 404])("is nothing any more once it was answered with %i", async (refusal) => {
    await pull();
    await ask(tags);
    status = refusal;
    expect((await ask(tags)).status).toBe(refusal);
    status = 503;
    expect((await ask(tags)).status).toBe(503);
  });

  it("is not kept when it is longer than 1 MiB, nor for longer than STALE_IF_ERROR", async () => {
    await pull();
    await ask(tags);
    scene.aheadMs += 25 * 3_600_000;
    status = 503;
    expect((await ask(tags)).status).toBe(503);
    [status, listed] = [200, JSON.stringify({ name: "charts/app", tags: ["x".repeat(2 ** 20)] })];
    expect((await ask(tags)).body.length).toBeGreaterThan(2 ** 20);
    status = 503;
    expect((await ask(tags)).status).toBe(503);
  });
});
