/** Registries, token services and CDNs that are after the operator's credential. */
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { status as answering, redirect } from "../support/fake-registry/fault.ts";
import { freePort } from "../support/free-port.ts";
import { direct, viaProxy } from "./support/client.ts";
import { type EvilServer, evilServer, secretsIn } from "./support/evil-server.ts";
import { addImage, type Image } from "./support/image.ts";
import { type NamedRegistry, type Program, Scene } from "./support/program.ts";

let scene: Scene;
let evil: EvilServer;
let registry: NamedRegistry;
let image: Image;
let program: Program;

beforeAll(async () => {
  scene = await Scene.open();
  evil = await evilServer(
    scene,
    ...["evil.test", "corp.test.evil.test", "evilcorp.test", "corp.test", "127.0.0.1", "cdn.test"],
    "xn--crp-fmc.test",
  );
});

/** Everything is learnt anew: what one test remembers of the registry must not help the next. */
beforeEach(async () => {
  evil.heard.length = 0;
  evil.answer = (_request, response) => {
    const token = JSON.stringify({ token: "of-evil", access_token: "of-evil" });
    response.writeHead(200, { "content-type": "application/json" }).end(token);
  };
  const port = await freePort();
  registry = await scene.registry("corp.test", {
    port,
    auth: (origin) => ({
      ...{ kind: "bearer" as const, realm: `${origin}/token`, users: { robot: "CANARY-robot" } },
      privateRepositories: ["team/app"],
    }),
  });
  image = addImage(registry.server, "team/app");
  program = await scene.start({
    REGISTRIES: `${evil.name} cdn.test:${evil.port}`,
    AUTH_REGISTRIES: `${registry.name}:robot:CANARY-robot`,
    DATA_DIR: join(scene.folder, String(port)),
  });
  return async () => {
    await program.stop();
    await registry.server.close();
  };
});

afterAll(async () => {
  await scene.close();
  evil.close();
});

/** Pulls as a client without a login does, in every way there is; gives all it was told. */
async function pullEverything(): Promise<readonly string[]> {
  const paths = ["", "team/app/manifests/1", `team/app/blobs/${image.layer}`];
  const told: string[] = [];
  for (const path of paths) {
    const inside = await viaProxy(program, registry.name, `/v2/${path}`);
    const outside = await direct(program, `/v2/${registry.name}/${path}`);
    const push = { method: "POST", headers: { "content-length": "0" } };
    const upload = await viaProxy(program, registry.name, "/v2/team/app/blobs/uploads/", push);
    for (const { headers, body } of [inside, outside, upload]) {
      told.push(JSON.stringify(headers), body.toString("latin1"));
    }
  }
  const query = "service=x&scope=repository:team/app:pull,push,delete&offline_token=true";
  const token = await viaProxy(program, registry.name, `/token?${query}`);
  return [...told, token.body.toString("latin1")];
}

describe("a realm that leads away from its registry", () => {
  it.each<readonly [string, (corp: string, evil: string) => string]>([
    ["to another host", (_corp, to) => `https://evil.test:${to}/token`],
    ["to an address", (_corp, to) => `https://127.0.0.1:${to}/token`],
    ["to plain http", (corp) => `http://corp.test:${corp}/token`],
    ["to another port of the host", (_corp, to) => `https://corp.test:${to}/token`],
    ["past user info", (corp, to) => `https://corp.test:${corp}@evil.test:${to}/token`],
    [
      "past user info and a backslash",
      (corp, to) => `https://evil.test:${to}\\@corp.test:${corp}/`,
    ],
    ["past a fragment", (corp, to) => `https://evil.test:${to}#@corp.test:${corp}/token`],
    ["by a suffix", (_corp, to) => `https://corp.test.evil.test:${to}/token`],
    ["by a prefix", (_corp, to) => `https://evilcorp.test:${to}/token`],
    ["by a look-alike", (_corp, to) => `https://c\u043erp.test:${to}/token`],
    ["by backslashes", (_corp, to) => `https:\\\\evil.test:${to}\\token`],
    ["without a scheme", (_corp, to) => `//evil.test:${to}/token`],
    ["by line breaks", (corp, to) => `https://corp.test:${corp}/\\r\\n@evil.test:${to}/token`],
  ])("%s gets nothing", async (_name, realmOf) => {
    const realm = realmOf(registry.name.replace(/^.*:/, ""), String(evil.port));
    for (const challenge of [
      `Bearer realm="${realm}",service="corp"`,
      `Basic realm="x", Bearer realm="${realm}",service="corp"`,
      `Bearer realm="https://${registry.name}/token",service="a", Bearer realm="${realm}"`,
    ]) {
      const text = Buffer.from(challenge).toString("latin1");
      registry.server.misbehave({ path: /\/v2\// }, answering(401, { "www-authenticate": text }));
      expect(secretsIn(await pullEverything())).toEqual([]);
      expect(secretsIn(evil.heard)).toEqual([]);
    }
  });
});

describe("a redirect that leads away", () => {
  const challenge = () => ({
    "www-authenticate": `Bearer realm="https://${registry.name}/token",service="fake-registry"`,
  });

  it.each([301, 302, 303, 307, 308])(
    "from the token service by %i takes nothing along",
    async (code) => {
      const to = `https://${evil.name}/token`;
      registry.server.misbehave({ path: /^\/token/ }, redirect(to, code));
      expect(secretsIn(await pullEverything())).toEqual([]);
      expect(evil.heard.length).toBeGreaterThan(0);
      expect(evil.heard.filter((text) => /authorization/i.test(text))).toEqual([]);
      expect(secretsIn(evil.heard)).toEqual([]);
    },
  );

  it.each([301, 302, 303, 307, 308])("from a blob by %i takes nothing along", async (code) => {
    registry.server.misbehave(
      { path: /\/blobs\// },
      redirect(`https://cdn.test:${evil.port}/b`, code),
    );
    evil.answer = (_request, response) => void response.writeHead(401, challenge()).end();
    expect(secretsIn(await pullEverything())).toEqual([]);
    expect(evil.heard.length).toBeGreaterThan(0);
    expect(secretsIn(evil.heard)).toEqual([]);
  });

  it("from a manifest takes nothing along", async () => {
    const to = `https://${evil.name}/v2/team/app/manifests/1`;
    registry.server.misbehave({ path: /\/manifests\// }, redirect(to));
    evil.answer = (_request, response) => void response.writeHead(401, challenge()).end();
    expect(secretsIn(await pullEverything())).toEqual([]);
    expect(evil.heard.length).toBeGreaterThan(0);
    expect(secretsIn(evil.heard)).toEqual([]);
  });
});

describe("the operator's credential", () => {
  it("opens the registry it is for, and asks for no more than pull", async () => {
    const told = await pullEverything();
    expect(told.some((text) => text.includes(image.layer))).toBe(true);
    expect(secretsIn(told)).toEqual([]);
    const asked = registry.server.tokenRequests.filter(({ authorization }) => authorization);
    expect(asked.length).toBeGreaterThan(0);
    expect(new Set(asked.flatMap(({ scopes }) => scopes))).toEqual(
      new Set(["repository:team/app:pull"]),
    );
    const pushes = registry.server.requests.filter(({ method }) => method === "POST");
    expect(pushes.map(({ headers }) => headers.authorization)).toEqual([
      ...pushes.map(() => undefined),
    ]);
  });

  it("is asked for by no words put into the service", async () => {
    const service = "a&scope=repository:other/app:push&account=x#y?z %0d%0aX-Evil: 1";
    const realm = `https://${registry.name}/token`;
    const text = `Bearer realm="${realm}",service="${service}"`;
    registry.server.misbehave(
      { path: /^\/v2\//, times: 40 },
      answering(401, { "www-authenticate": text }),
    );
    await pullEverything();
    const asked = registry.server.tokenRequests.filter(({ authorization }) => authorization);
    expect(asked.length).toBeGreaterThan(0);
    for (const { parameters, scopes } of asked) {
      expect(parameters.get("service")).toBe(service);
      expect(scopes.filter((scope) => scope !== "repository:team/app:pull")).toEqual([]);
      expect(parameters.get("account")).not.toBe("x");
    }
  });

  it("is not sent to a mirror's ns or path", async () => {
    for (const path of [`${evil.name}/a/b/manifests/1`, `a/b/manifests/1?ns=${evil.name}`]) {
      await direct(program, `/v2/${path}`);
    }
    expect(evil.heard.length).toBeGreaterThan(0);
    expect(secretsIn(evil.heard)).toEqual([]);
  });
});
