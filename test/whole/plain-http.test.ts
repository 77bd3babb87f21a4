/** Who speaks plain HTTP, and in whose name what came in plain is kept. */
import { beforeEach, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { type Answer, ask, converse, dial, direct, tunnel, viaProxy } from "./support/client.ts";
import { addImage, manifestType } from "./support/image.ts";
import { type NamedRegistry, type Program, Scene } from "./support/program.ts";

const path = "/v2/team/app/manifests/1";
const headers = { accept: manifestType };

let scene: Scene;

beforeEach(async () => {
  scene = await Scene.open();
});

/** `GET http://registry/…` at the proxy, as dockerd asks once TLS has failed. */
async function inPlain(program: Program, registry: string, target = path): Promise<Answer> {
  return await ask(await dial(program.port), `http://${registry}${target}`, { headers }, registry);
}

const atMirror = (program: Program, registry: string) =>
  direct(program, `${path}?ns=${registry}`, { headers });

const inTls = (program: Program, registry: string) =>
  viaProxy(program, registry, path, { headers });

describe("a registry that was named without http:// and speaks no TLS", () => {
  let registry: NamedRegistry;
  let program: Program;
  const sentence = () =>
    `${registry.name} speaks no TLS; write http://${registry.name} in REGISTRIES`;

  beforeEach(async () => {
    registry = await scene.registry("registry.test", { isPlain: true });
    addImage(registry.server, "team/app");
    program = await scene.start({ REGISTRIES: registry.name });
  });

  it("is asked nothing in plain by a client that strips TLS, who is told what to write", async () => {
    const answer = await inPlain(program, registry.name);
    expect(answer.status).toBe(403);
    expect(String(answer.body)).toContain(sentence());
    expect(registry.server.requests).toEqual([]);
  });

  it("is asked nothing in plain at a mirror, whose client is told what to write", async () => {
    const answer = await atMirror(program, registry.name);
    expect(answer.status).toBe(403);
    expect(String(answer.body)).toContain(sentence());
    expect(registry.server.requests).toEqual([]);
  });

  it("is behind a tunnel, so that an engine finds out by itself", async () => {
    const { socket, status } = await tunnel(program, registry.name);
    expect(status).toBe(200);
    const answer = await converse(
      socket,
      "GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    expect(answer).toContain("HTTP/1.1 200");
  });
});

describe("a registry that was named with http://", () => {
  it("gives nothing that came in plain to who asks for it over TLS, nor the other way round", async () => {
    const port = await freePort();
    const plain = await scene.registry("registry.test", { isPlain: true, port });
    const forged = addImage(plain.server, "team/app");
    const program = await scene.start({ REGISTRIES: `http://${plain.name}`, TAG_TTL: "1 h" });
    const first = await inPlain(program, plain.name);
    expect(first.headers["docker-content-digest"]).toBe(forged.manifest);
    expect((await inPlain(program, plain.name)).headers["cache-status"]).toContain("hit");
    await plain.server.close();
    const secure = await scene.registry("registry.test", { port });
    const real = addImage(secure.server, "team/app");
    // The peer was last seen to speak no TLS.
    scene.aheadMs += 601_000;
    expect((await inTls(program, secure.name)).headers["docker-content-digest"]).toBe(
      real.manifest,
    );
    const again = await inPlain(program, plain.name);
    expect(again.headers["docker-content-digest"]).toBe(forged.manifest);
    expect(await atMirror(program, plain.name)).toMatchObject({
      headers: { "docker-content-digest": forged.manifest },
    });
  });

  it("is served stale while it is down to who asks in plain alone", async () => {
    const port = await freePort();
    const plain = await scene.registry("registry.test", { isPlain: true, port });
    addImage(plain.server, "team/app");
    const program = await scene.start({ REGISTRIES: `http://${plain.name}` });
    expect((await inPlain(program, plain.name)).status).toBe(200);
    await plain.server.close();
    scene.aheadMs += 601_000;
    // Behind an interception an engine would take it for one that speaks TLS, and not try plain HTTP.
    expect((await tunnel(program, plain.name)).status).toBe(502);
    const answer = await inPlain(program, plain.name);
    expect([answer.status, answer.headers["cache-status"]]).toEqual([
      200,
      expect.stringContaining("stale"),
    ]);
  });
});

// Only at the usual ports may somebody be asked whom nobody named.
describe.skipIf(process.getuid?.() !== 0)("a plain registry that nobody named", () => {
  const name = "registry.test";

  it("is asked in plain and kept, apart from what is asked over TLS", async () => {
    const host = "127.0.0.83";
    const plain = await scene.registry(name, { isPlain: true, port: 80, host });
    const forged = addImage(plain.server, "team/app");
    const program = await scene.start();
    expect((await inPlain(program, name)).headers["docker-content-digest"]).toBe(forged.manifest);
    expect((await inPlain(program, name)).headers["cache-status"]).toContain("hit");
    const secure = await scene.registry(name, { port: 443, host });
    const real = addImage(secure.server, "team/app");
    expect((await inTls(program, secure.name)).headers["docker-content-digest"]).toBe(
      real.manifest,
    );
  });

  it("is a web site as long as it does not answer as a registry", async () => {
    const site = await scene.registry(name, { isPlain: true, port: 80, host: "127.0.0.84" });
    addImage(site.server, "team/app");
    const program = await scene.start({ INTERCEPT: "named" });
    for (let time = 0; time < 2; time += 1) {
      const answer = await inPlain(program, name);
      expect([answer.status, answer.headers["cache-status"]]).toEqual([200, undefined]);
    }
    expect(site.server.count({ path })).toBe(2);
  });
});
