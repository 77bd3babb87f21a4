/** The operator changes a login, adds one, or takes one away, while clients pull. */
import { beforeEach, describe, expect, it } from "vitest";
import { stallAt, status } from "../support/fake-registry/fault.ts";
import { direct, viaProxy } from "./support/client.ts";
import { addImage, type Image, manifestType } from "./support/image.ts";
import { authorization } from "./support/login.ts";
import { type NamedRegistry, type Program, Scene } from "./support/program.ts";

let scene: Scene;
let program: Program;
let registry: NamedRegistry;
let secret: Image;
let open: Image;

/** The registry knows two robots, both of which may have `team/app`; `open/app` is everybody's. */
beforeEach(async () => {
  scene = await Scene.open();
  registry = await scene.registry("registry.test", {
    auth: (origin) => ({
      ...{ kind: "bearer" as const, realm: `${origin}/token` },
      users: { one: "CANARY-one", two: "CANARY-two" },
      privateRepositories: ["team/app", "team/other"],
    }),
  });
  secret = addImage(registry.server, "team/app");
  addImage(registry.server, "team/other");
  open = addImage(registry.server, "open/app");
  program = await scene.start({ AUTH_REGISTRIES: login("one"), REGISTRIES: registry.name });
});

const login = (user: string, password = `CANARY-${user}`) => `${registry.name}:${user}:${password}`;

/** As an engine with no login of its own: a token first, be it refused. */
async function pull(repository: string, path = "manifests/1"): Promise<number> {
  const bearer = await authorization(program, registry.name, repository);
  const headers = {
    accept: manifestType,
    ...(bearer === undefined ? {} : { authorization: bearer }),
  };
  const where = `/v2/${repository}/${path}`;
  return (await viaProxy(program, registry.name, where, { headers })).status;
}

describe("a login that is changed while the program runs", () => {
  it("ends no pull that is under way, and the next ones use the new one", async () => {
    expect(await pull("team/app")).toBe(200);
    const stall = stallAt(100_000);
    registry.server.misbehave({ path: /blobs/ }, stall);
    const slow = pull("team/app", `blobs/${secret.layer}`);
    await stall.gate.reached;
    await program.reload({ AUTH_REGISTRIES: login("two") });
    stall.gate.open();
    expect(await slow).toBe(200);
    const before = registry.server.tokenRequests.length;
    scene.aheadMs += 3_600_000;
    expect(await pull("team/app")).toBe(200);
    expect(await pull("team/other")).toBe(200);
    const used = registry.server.tokenRequests.slice(before).flatMap((one) => {
      const wrapped = /^Basic (.+)$/.exec(one.authorization ?? "")?.[1];
      return wrapped === undefined ? [] : [Buffer.from(wrapped, "base64").toString()];
    });
    expect(new Set(used)).toEqual(new Set(["two:CANARY-two"]));
  });

  it("is asked for at once where the old one was refused, and readiness is back", async () => {
    await program.reload({ AUTH_REGISTRIES: login("one", "CANARY-mistyped") });
    expect(await pull("team/app")).toBe(401);
    expect(await pull("open/app")).toBe(200);
    const ready = async () => (await direct(program, "/readyz")).body.toString();
    expect(await ready()).toContain(registry.name);
    await program.reload({ AUTH_REGISTRIES: login("one") });
    expect(await pull("team/app")).toBe(200);
    expect(await ready()).not.toContain(registry.name);
  });

  it("is not held up by the 429 that the old one was told for an hour", async () => {
    expect(await pull("team/app")).toBe(200);
    registry.server.misbehave({ path: /other/ }, status(429, { "retry-after": "3600" }));
    expect(await pull("team/other")).toBe(429);
    registry.server.behave();
    expect(await pull("team/other")).toBe(429);
    await program.reload({ AUTH_REGISTRIES: login("two") });
    expect(await pull("team/other")).toBe(200);
  });
});

it("tokens that the registry takes back cost one other, and no pull", async () => {
  const list = (repository: string) =>
    direct(program, `/v2/${registry.name}/${repository}/tags/list`);
  expect((await list("team/app")).status).toBe(200);
  const [tokens, refusals] = [registry.server.tokenRequests.length, { status: 401 }];
  registry.server.revokeTokens();
  const refused = registry.server.count(refusals);
  const answers = await Promise.all(Array.from({ length: 20 }, () => list("team/app")));
  expect(answers.filter((answer) => answer.status !== 200)).toEqual([]);
  expect(registry.server.tokenRequests.length - tokens).toBe(1);
  expect(registry.server.count(refusals) - refused).toBeLessThanOrEqual(20);
});

describe("a login that is taken away", () => {
  it("opens nothing any more, though what it opened is kept, and tokens given before are good", async () => {
    expect(await pull("team/app")).toBe(200);
    expect(await pull("team/app", `blobs/${secret.layer}`)).toBe(200);
    expect(await pull("open/app")).toBe(200);
    const before = await authorization(program, registry.name, "team/app");
    expect(before).toMatch(/^Bearer ept1\./);
    await program.reload({ AUTH_REGISTRIES: "" });
    const headers = { authorization: before ?? "", accept: manifestType };
    const paths = [
      "team/app/manifests/1",
      `team/app/manifests/${secret.manifest}`,
      `team/app/blobs/${secret.layer}`,
    ];
    for (const path of paths) {
      const inside = await viaProxy(program, registry.name, `/v2/${path}`, { headers });
      const outside = await direct(program, `/v2/${registry.name}/${path}`);
      expect([path, inside.status, outside.status]).toEqual([path, 401, 404]);
    }
    const path = `/v2/open/app/blobs/${open.layer}`;
    expect((await viaProxy(program, registry.name, path, { headers })).status).toBe(200);
  });

  it("stays away while the registry is down", async () => {
    expect(await pull("team/app")).toBe(200);
    await program.reload({ AUTH_REGISTRIES: "" });
    scene.aheadMs += 20_000;
    await registry.server.close();
    const mirrored = `/v2/${registry.name}/team/app/manifests/1`;
    expect((await direct(program, mirrored)).status).toBeGreaterThanOrEqual(400);
  });
});

describe("a login that gives way to another at a restart", () => {
  it.each([
    ["another user's, which is refused", "mallory:CANARY-wrong"],
    ["the same user's with a password that is refused", "alice:CANARY-wrong"],
  ])("opens nothing of what the first one opened: %s", async (_what, second) => {
    const lent = await scene.registry("lent.test", {
      auth: () => ({ kind: "basic", users: { alice: "CANARY-alice" } }),
    });
    const image = addImage(lent.server, "corp/secret");
    const DATA_DIR = `${scene.folder}/lent`;
    const start = (its: string) =>
      scene.start({ DATA_DIR, AUTH_REGISTRIES: `${lent.name}:${its}` });
    const first = await start("alice:CANARY-alice");
    expect(await statuses(first, lent, image)).toEqual([200, 200, 200, 200, 200, 200]);
    await first.stop();
    const other = await start(second);
    expect(await statuses(other, lent, image)).toEqual([401, 404, 401, 404, 401, 404]);
  });
});

/** Of each part of the image, without a login: by the proxy, then by the mirror. */
async function statuses(
  by: Program,
  { name }: NamedRegistry,
  { manifest, config, layer }: Image,
): Promise<readonly number[]> {
  const all: number[] = [];
  const headers = { accept: manifestType };
  for (const part of [`manifests/${manifest}`, `blobs/${config}`, `blobs/${layer}`]) {
    const path = `corp/secret/${part}`;
    all.push((await viaProxy(by, name, `/v2/${path}`, { headers })).status);
    all.push((await direct(by, `/v2/${name}/${path}`, { headers })).status);
  }
  return all;
}
