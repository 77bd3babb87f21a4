/** Token services that send on, and logins that do not get to theirs. */
import { beforeEach, describe, expect, it } from "vitest";
import { direct, viaProxy } from "./support/client.ts";
import { type EvilServer, evilServer, secretsIn } from "./support/evil-server.ts";
import { addImage, type Image, manifestType } from "./support/image.ts";
import { authorization } from "./support/login.ts";
import { type NamedRegistry, type Program, Scene } from "./support/program.ts";

let scene: Scene;
let gate: EvilServer;
let elsewhere: NamedRegistry;

beforeEach(async () => {
  scene = await Scene.open();
  gate = await evilServer(scene, "gate.test");
  elsewhere = await scene.registry("login.example");
});

const users = { robot: "CANARY-robot" };
const headers = { accept: manifestType };

/** `realm` is where its challenge sends clients. */
async function registryWith(realm: string): Promise<NamedRegistry & { readonly image: Image }> {
  const auth = { kind: "bearer" as const, realm, users, privateRepositories: ["team/app"] };
  const registry = await scene.registry("registry.test", { auth: () => auth });
  elsewhere.server.issueTokensFor(registry.server);
  return { ...registry, image: addImage(registry.server, "team/app") };
}

/** With the query, as web servers do it. */
const sendOn = (place: string, status: number) => {
  gate.answer = ({ url = "" }, response) => {
    const location = `${place}?${url.split("?")[1]}`;
    response.writeHead(status, { location }).end();
  };
};

const mirrored = (program: Program, { name }: NamedRegistry, path: string) =>
  direct(program, `/v2/${name}/${path}`, { headers });

describe("a token service that sends on to another host", () => {
  it.each([301, 302, 307, 308])("is followed without a login: %i", async (status) => {
    const registry = await registryWith(`https://${gate.name}/token`);
    const open = addImage(registry.server, "open/app");
    sendOn(`https://${elsewhere.name}/token`, status);
    const program = await scene.start({ REGISTRIES: named(registry) });
    const path = `open/app/manifests/${open.tag}`;
    expect((await mirrored(program, registry, path)).status).toBe(200);
    const token = await authorization(program, registry.name, "open/app");
    const fields = { ...headers, authorization: token ?? "" };
    const got = await viaProxy(program, registry.name, `/v2/${path}`, { headers: fields });
    expect(got.status).toBe(200);
  });

  it("gets no login, which the log and a mirror's client are told, with what to write", async () => {
    const registry = await registryWith(`https://${gate.name}/token`);
    sendOn(`https://${elsewhere.name}/token`, 307);
    const program = await scene.start({
      REGISTRIES: named(registry),
      AUTH_REGISTRIES: `${registry.name}:robot:CANARY-robot`,
      AUTH_REALMS: `${registry.name}=${gate.name}`,
    });
    const answer = await mirrored(program, registry, `team/app/manifests/${registry.image.tag}`);
    const line = `AUTH_REALMS="${registry.name}=${gate.name} ${registry.name}=${elsewhere.name}"`;
    expect([answer.status, messageOf(answer.body)]).toEqual([404, expect.stringContaining(line)]);
    expect(elsewhere.server.tokenRequests).toEqual([]);
    expect(secretsIn(gate.heard).length).toBeGreaterThan(0);
    expect(warnings(program)).toEqual([
      expect.objectContaining({ registry: registry.name, tokenHost: elsewhere.name, write: line }),
    ]);
  });
});

describe("a login whose registry has its tokens from another host", () => {
  it("is not sent there, which the log and a mirror's client are told, with what to write", async () => {
    const registry = await registryWith(`https://${elsewhere.name}/token`);
    const settings = {
      REGISTRIES: named(registry),
      AUTH_REGISTRIES: `${registry.name}:robot:CANARY-robot`,
    };
    const program = await scene.start(settings);
    const path = `team/app/manifests/${registry.image.tag}`;
    const line = `AUTH_REALMS="${registry.name}=${elsewhere.name}"`;
    for (const _ of [1, 2]) {
      const { status, body } = await mirrored(program, registry, path);
      expect([status, messageOf(body)]).toEqual([404, expect.stringContaining(line)]);
      scene.aheadMs += 5_000;
    }
    expect(warnings(program)).toEqual([
      expect.objectContaining({ registry: registry.name, tokenHost: elsewhere.name, write: line }),
    ]);
    await program.stop();
    const mended = { ...settings, AUTH_REALMS: /"(.+)"/.exec(line)?.[1] ?? "" };
    const other = await scene.start(mended);
    expect((await mirrored(other, registry, path)).status).toBe(200);
    expect(warnings(other)).toEqual([]);
  });

  it("is no news where the registry is somebody else's", async () => {
    const registry = await registryWith(`https://${elsewhere.name}/token`);
    const program = await scene.start({
      AUTH_REGISTRIES: `${elsewhere.name}:robot:CANARY-robot`,
      UPSTREAM_ALLOW_ADDRESSES: "127.0.0.0/8",
      REGISTRIES: `*.test:${registry.name.split(":")[1]}`,
    });
    const path = `team/app/manifests/${registry.image.tag}`;
    const { status, body } = await mirrored(program, registry, path);
    expect([status, messageOf(body)]).toEqual([404, expect.stringContaining("has none that")]);
    expect(warnings(program)).toEqual([]);
  });
});

describe("a registry that writes its realm with http", () => {
  it("has its tokens over https, through the proxy and through a mirror", async () => {
    const registry = await registryWith("");
    const auth = { kind: "bearer" as const, realm: `http://${elsewhere.name}/token`, users };
    const other = await scene.registry("plain.test", { auth: () => auth });
    elsewhere.server.issueTokensFor(other.server);
    const image = addImage(other.server, "team/app");
    const program = await scene.start({ REGISTRIES: `${named(registry)} ${other.name}` });
    const path = `team/app/manifests/${image.tag}`;
    expect((await mirrored(program, other, path)).status).toBe(200);
  });

  it("and has none there is said to have named http", async () => {
    const plain = await scene.registry("token.test", { isPlain: true });
    const registry = await registryWith(`http://${plain.name}/token`);
    const program = await scene.start({ REGISTRIES: `${named(registry)} ${plain.name}` });
    const path = `team/app/manifests/${registry.image.tag}`;
    const { status, body } = await mirrored(program, registry, path);
    expect(status).toBeGreaterThanOrEqual(403);
    expect(messageOf(body)).toContain(`has its tokens from http://${plain.name}`);
    expect(plain.server.requests).toEqual([]);
  });
});

function named(registry: NamedRegistry): string {
  return [registry.name, gate.name, elsewhere.name].join(" ");
}

function messageOf(body: Buffer): string {
  return JSON.parse(body.toString()).errors[0].message;
}

function warnings({ lines }: Program): unknown[] {
  const said = lines.map((line) => JSON.parse(line));
  return said.filter(({ msg }) => msg.startsWith("a configured login is not used"));
}
