/** Pushing through the proxy: streaming, with the client's own login alone, and seen by the next pull. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { secured, tunnel, viaProxy } from "./support/client.ts";
import { evilServer, secretsIn } from "./support/evil-server.ts";
import { addImage, manifestType } from "./support/image.ts";
import { basic } from "./support/login.ts";
import { type Program, Scene } from "./support/program.ts";

const MiB = 2 ** 20;

/** PATCH with a body of unknown length, as fast as it is taken, up to `most` bytes. */
async function patch(program: Program, registry: string, most: number) {
  const { socket } = await tunnel(program, registry);
  const tls = await secured(socket, program, registry);
  const request = httpRequest({
    ...{ createConnection: () => tls, method: "PATCH", path: "/v2/team/app/blobs/uploads/1" },
    headers: {
      host: registry,
      authorization: "Bearer of-the-client",
      "transfer-encoding": "chunked",
    },
  });
  request.on("error", () => undefined);
  const answered = once(request, "response");
  answered.catch(() => undefined);
  const hash = createHash("sha256");
  const piece = randomBytes(256 * 1024);
  const progress = { taken: 0, isStuck: false };
  const work = (async () => {
    while (progress.taken < most) {
      hash.update(piece);
      progress.taken += piece.length;
      if (request.write(piece)) continue;
      progress.isStuck = true;
      await once(request, "drain");
      progress.isStuck = false;
    }
    request.end();
    const [response] = await answered;
    return response.statusCode as number;
  })();
  return { progress, work, digest: () => hash.digest("hex"), leave: () => tls.destroy() };
}

describe("a push of many megabytes", () => {
  it("streams through, with the client's own login alone", async () => {
    const scene = await Scene.open();
    const sink = await evilServer(scene, "sink.test");
    const hash = createHash("sha256");
    sink.answer = (request, response) => {
      request.removeAllListeners("data");
      request.on("data", (piece: Buffer) => hash.update(piece));
      request.on("end", () => response.writeHead(202, { location: "/v2/x" }).end());
    };
    const program = await scene.start({ AUTH_REGISTRIES: `${sink.name}:robot:CANARY-robot` });
    const before = process.memoryUsage().rss;
    const push = await patch(program, sink.name, 192 * MiB);
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss);
    }, 10);
    expect(await push.work).toBe(202);
    clearInterval(watch);
    push.leave();
    expect(hash.digest("hex")).toBe(push.digest());
    // Client, proxy and registry are all in this process, and yet it holds far less than the body.
    expect((most - before) / MiB).toBeLessThan(128);
    expect(secretsIn(sink.heard)).toEqual([]);
    expect(sink.heard.join()).toContain("Bearer of-the-client");
    sink.close();
  });

  it("goes no faster than its registry takes it", async () => {
    const scene = await Scene.open();
    const sink = await evilServer(scene, "sink.test");
    sink.answer = (request) => {
      request.removeAllListeners("data");
      request.pause();
    };
    const program = await scene.start({ REGISTRIES: sink.name });
    const push = await patch(program, sink.name, 64 * MiB);
    await eventually(async () => {
      const before = push.progress.taken;
      await pause(300);
      return push.progress.isStuck && push.progress.taken === before;
    });
    expect(push.progress.isStuck).toBe(true);
    expect(push.progress.taken).toBeLessThan(24 * MiB);
    push.work.catch(() => undefined);
    push.leave();
    sink.close();
  });
});

const alice = basic(["alice", "CANARY-alice"]);

/** A registry with an image that everybody may pull and alice may push. */
async function openRegistry(settings: Readonly<Record<string, string>> = {}) {
  const scene = await Scene.open();
  const users = { alice: "CANARY-alice", robot: "CANARY-robot" };
  const { name, server } = await scene.registry("registry.test", {
    auth: (origin) => ({ kind: "bearer", realm: `${origin}/token`, users }),
  });
  const image = addImage(server, "team/app");
  const program = await scene.start({
    AUTH_REGISTRIES: `${name}:robot:CANARY-robot`,
    ...settings,
  });
  const token = async (): Promise<string> => {
    const query = "service=fake-registry&scope=repository:team/app:pull,push";
    const headers = { authorization: alice };
    const answer = await viaProxy(program, name, `/token?${query}`, { headers });
    return `Bearer ${(JSON.parse(answer.body.toString()) as { token: string }).token}`;
  };
  return { program, name, server, image, token };
}

describe("a push", () => {
  it("moves a tag for the very next pull", async () => {
    const { program, name, server, image, token } = await openRegistry();
    const authorized = { authorization: await token() };
    await viaProxy(program, name, "/v2/team/app/manifests/1", { headers: authorized });
    const other = addImage(server, "team/app", { tag: "other" });
    const bytes = (
      await viaProxy(program, name, `/v2/team/app/manifests/${other.manifest}`, {
        headers: authorized,
      })
    ).body;
    const pushed = await viaProxy(program, name, "/v2/team/app/manifests/1", {
      method: "PUT",
      headers: { ...authorized, "content-type": manifestType },
      body: bytes,
    });
    expect(pushed.status).toBe(201);
    const after = await viaProxy(program, name, "/v2/team/app/manifests/1", {
      headers: authorized,
    });
    expect(after.headers["docker-content-digest"]).toBe(other.manifest);
    expect(after.headers["docker-content-digest"]).not.toBe(image.manifest);
  });

  it("of a blob that its engine looked for first is found when it looks again", async () => {
    const { program, name, token } = await openRegistry();
    const headers = { authorization: await token() };
    const bytes = Buffer.from("{}");
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    const send = (method: string, path: string, body?: Buffer) =>
      viaProxy(program, name, path, { method, headers, ...(body === undefined ? {} : { body }) });
    const blob = `/v2/team/app/blobs/${digest}`;
    expect((await send("HEAD", blob)).status).toBe(404);
    const begun = await send("POST", "/v2/team/app/blobs/uploads/");
    const { pathname } = new URL(begun.headers.location ?? "", `https://${name}`);
    expect((await send("PUT", `${pathname}?digest=${digest}`, bytes)).status).toBe(201);
    expect((await send("HEAD", blob)).status).toBe(200);
  });

  it("without a login is the registry's to refuse: the operator's is not lent to it", async () => {
    const { program, name, server } = await openRegistry();
    const path = "/v2/team/app/blobs/uploads/";
    for (const headers of [{}, { authorization: "Basic Og==" }]) {
      const answer = await viaProxy(program, name, path, { method: "POST", headers });
      expect(answer.status).toBe(401);
      expect(answer.headers["www-authenticate"]).toContain("Bearer");
    }
    const pushes = server.requests.filter(({ method }) => method === "POST");
    expect(secretsIn(pushes.map(({ headers }) => JSON.stringify(headers)))).toEqual([]);
  });

  it("cannot mount what only the operator may read", async () => {
    const { program, name, server, image, token } = await openRegistry();
    const mount = `mount=${image.layer}&from=team/app`;
    const headers = { authorization: await token() };
    await viaProxy(program, name, `/v2/alice/own/blobs/uploads/?${mount}`, {
      method: "POST",
      headers,
    });
    const seen = server.requests.filter(({ method }) => method === "POST");
    expect(seen.map(({ headers: sent }) => sent.authorization)).toEqual([headers.authorization]);
  });

  it.each([
    ["POST", "/v2/team/app/blobs/uploads/"],
    ["PATCH", "/v2/team/app/blobs/uploads/1"],
    ["PUT", "/v2/team/app/blobs/uploads/1?digest=sha256:00"],
    ["PUT", "/v2/team/app/manifests/1"],
    ["DELETE", "/v2/team/app/manifests/1"],
  ])("is refused by ALLOW_PUSH=false: %s %s", async (method, path) => {
    const { program, name, server, token } = await openRegistry({ ALLOW_PUSH: "false" });
    const headers = { authorization: await token() };
    const before = server.requests.length;
    const answer = await viaProxy(program, name, path, { method, headers });
    expect(answer.status).toBe(405);
    expect(answer.body.toString()).toContain("ALLOW_PUSH");
    expect(server.requests.length).toBe(before);
  });
});
