/** Registry and token service gone, in three ways: what was pulled before is pulled again. */
import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { status as answering } from "../support/fake-registry/fault.ts";
import { blackHole } from "../upstream/black-hole.ts";
import { type Answer, type Door, direct, viaProxy } from "./support/client.ts";
import { addImage, type Image, manifestType } from "./support/image.ts";
import { authorization } from "./support/login.ts";
import { type NamedRegistry, type Program, Scene } from "./support/program.ts";

type ServedImage = {
  readonly registry: NamedRegistry;
  readonly image: Image;
  /** Where its tokens come from. */
  readonly tokens: NamedRegistry;
};

type World = {
  readonly scene: Scene;
  readonly program: Program;
  /** Anybody may pull here, with a token. */
  readonly open: ServedImage;
  /** Here nobody may without the operator's login. */
  readonly lent: ServedImage;
};

const settingsOf = ({ open, lent }: Pick<World, "open" | "lent">) => ({
  REGISTRIES: `${open.registry.name} ${open.tokens.name} ${lent.tokens.name}`,
  AUTH_REGISTRIES: `${lent.registry.name}:robot:CANARY-robot`,
  AUTH_REALMS: [open, lent].map((one) => `${one.registry.name}=${one.tokens.name}`).join(" "),
});

async function openWorld(): Promise<World> {
  const scene = await Scene.open();
  const users = { robot: "CANARY-robot" };
  const place = async (host: string, anonymous: boolean): Promise<ServedImage> => {
    const tokens = await scene.registry(`tokens.${host}`);
    const realm = `https://${tokens.name}/token`;
    const registry = await scene.registry(host, {
      auth: () => ({ kind: "bearer", realm, users, anonymous }),
    });
    tokens.server.issueTokensFor(registry.server);
    return { registry, image: addImage(registry.server, "team/app"), tokens };
  };
  const [open, lent] = [await place("open.test", true), await place("lent.test", false)];
  const world = { scene, open, lent };
  return { ...world, program: await scene.start(settingsOf(world)) };
}

const hostsOf = ({ open, lent }: World): readonly NamedRegistry[] =>
  [open, lent].flatMap(({ registry, tokens }) => [registry, tokens]);

/** A pull as an engine makes it: ping, token, tag, manifest, config, layer. */
async function pull(door: Door, { registry, image }: ServedImage): Promise<readonly Answer[]> {
  const token = (await authorization(door, registry.name, image.repository)) ?? "none";
  const headers = { authorization: token, accept: manifestType };
  const answers: Answer[] = [];
  for (const path of pathsOf(image)) {
    answers.push(await viaProxy(door, registry.name, `/v2/${path}`, { headers }));
  }
  return answers;
}

/** The same by a mirror's path, as containerd makes it. */
async function pullMirrored(
  door: Door,
  { registry, image }: ServedImage,
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (const path of pathsOf(image)) {
    const headers = { accept: manifestType };
    answers.push(await direct(door, `/v2/${registry.name}/${path}`, { headers }));
  }
  return answers;
}

function pathsOf(image: Image): readonly string[] {
  const { repository, manifest, config, layer } = image;
  return [
    `${repository}/manifests/${image.tag}`,
    ...[`${repository}/manifests/${manifest}`, `${repository}/blobs/${config}`],
    `${repository}/blobs/${layer}`,
  ];
}

async function expectWhole(answers: readonly Answer[], { image }: ServedImage): Promise<void> {
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect(answers.at(0)?.headers["docker-content-digest"]).toBe(image.manifest);
  expect(answers.at(3)?.body.equals(image.layerBytes)).toBe(true);
}

/** Pulls everything; gives how long a pull takes on this machine now, in milliseconds. */
async function warm(world: World): Promise<number> {
  let usual = 0;
  for (const place of [world.open, world.lent]) {
    const { value, ms } = await timed(() => pull(world.program, place));
    await expectWhole(value, place);
    await expectWhole(await pullMirrored(world.program, place), place);
    usual = Math.max(usual, ms);
  }
  await untilKept(world.program, world.open, world.lent);
  return usual;
}

/** A moment after the last byte of a first pull. */
function untilKept({ lines }: Program, ...places: readonly ServedImage[]): Promise<boolean> {
  const isKept = (digest: string) =>
    lines.some((line) => line.includes("kept a blob") && line.includes(digest));
  return eventually(() =>
    places.every(({ image: { config, layer } }) => [config, layer].every(isKept)),
  );
}

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const start = performance.now();
  return { value: await work(), ms: performance.now() - start };
}

/** Long after every token and challenge has grown old, while tags may still be served stale. */
const hours = 3 * 3_600_000;

/** Two seconds are lost, and what a machine busy with other things as well is slower by. */
async function expectServed(world: World, usual: number): Promise<void> {
  const { scene, program, open, lent } = world;
  const limit = 2_200 + 10 * usual;
  scene.aheadMs += hours;
  for (const place of [open, lent]) {
    const { value, ms } = await timed(() => pull(program, place));
    await expectWhole(value, place);
    expect(value[0]?.headers["cache-status"]).toContain("fwd=stale");
    expect(value[0]?.headers.warning).toMatch(/^299 /);
    expect(ms).toBeLessThan(limit);
  }
  scene.aheadMs += 60_000;
  const { value, ms } = await timed(() => pullMirrored(program, open));
  await expectWhole(value, open);
  expect(ms).toBeLessThan(limit);
}

/** From now on no SYN is answered at any of them. */
async function swallow(world: World): Promise<void> {
  const swallowing = hostsOf(world).map(async ({ name, server }) => {
    await server.close();
    const [host = "", port] = name.split(":");
    await blackHole("127.0.0.3", Number(port));
    world.scene.names.set(host, ["127.0.0.3"]);
  });
  await Promise.all(swallowing);
}

describe("what was pulled before is pulled again", () => {
  it("when registry and token service refuse connections", async () => {
    const world = await openWorld();
    const usual = await warm(world);
    for (const { server } of hostsOf(world)) await server.close();
    await expectServed(world, usual);
  });

  it("on a base layer that the client had from another repository, where nothing answers", async () => {
    const world = await openWorld();
    const usual = await warm(world);
    const { registry, image: first, tokens } = world.open;
    const image = addImage(registry.server, "team/two", {
      layerBytes: Buffer.from(first.layerBytes),
    });
    const second = { registry, image, tokens };
    const [program, door] = [world.program, `/v2/${registry.name}`];
    const headers = { accept: manifestType };
    for (const path of pathsOf(image).slice(0, 3))
      expect((await direct(program, `${door}/${path}`, { headers })).status).toBe(200);
    await swallow(world);
    world.scene.aheadMs += hours;
    for (const way of [pull, pullMirrored]) {
      const { value, ms } = await timed(() => way(program, second));
      await expectWhole(value, second);
      expect(ms).toBeLessThan(2_200 + 10 * usual);
      world.scene.aheadMs += 60_000;
    }
  });

  it("when nothing answers there", async () => {
    const world = await openWorld();
    const usual = await warm(world);
    await swallow(world);
    await expectServed(world, usual);
  });

  it("after a restart when nothing answers there", async () => {
    const world = await openWorld();
    const usual = await warm(world);
    await world.program.stop();
    await swallow(world);
    const program = await world.scene.start(settingsOf(world));
    await expectServed({ ...world, program }, usual);
  });

  it("when their names are gone", async () => {
    const world = await openWorld();
    const usual = await warm(world);
    for (const { name, server } of hostsOf(world)) {
      world.scene.names.delete(name.replace(/:.*/, ""));
      await server.close();
    }
    await expectServed(world, usual);
  });

  it("by a program told to be OFFLINE, which tries nothing", async () => {
    const world = await openWorld();
    await warm(world);
    await world.program.stop();
    const before = hostsOf(world).map(({ server }) => server.connections);
    const program = await world.scene.start({ ...settingsOf(world), OFFLINE: "true" });
    // Longer than STALE_IF_ERROR: nobody may ask whether it is still so.
    world.scene.aheadMs += 40 * 3_600_000;
    for (const place of [world.open, world.lent]) {
      await expectWhole(await pull(program, place), place);
      await expectWhole(await pullMirrored(program, place), place);
    }
    const { name } = world.open.registry;
    for (const method of ["GET", "HEAD"]) {
      const [path, asked] = ["never/seen/manifests/1", { method }] as const;
      for (const answer of [
        await viaProxy(program, name, `/v2/${path}`, asked),
        await direct(program, `/v2/${name}/${path}`, asked),
        await viaProxy(program, name, `/v2/never/seen/blobs/${world.lent.image.layer}`, asked),
      ]) {
        expect([answer.status, answer.reason]).toEqual([503, expect.stringContaining("OFFLINE")]);
        if (method === "GET") expect(answer.body.toString()).toContain("OFFLINE is set");
      }
    }
    const after = hostsOf(world).map(({ server }) => server.connections);
    expect(after).toEqual(before);
  });
});

describe("an answer that says no", () => {
  it.each([401, 403, 404])("%i is never masked by what is kept", async (code) => {
    const { scene, program, open } = await openWorld();
    await expectWhole(await pullMirrored(program, open), open);
    const token = (await authorization(program, open.registry.name, "team/app")) ?? "none";
    const headers = { authorization: token };
    const path = "/v2/team/app/manifests/1";
    const before = await viaProxy(program, open.registry.name, path, { headers });
    expect(before.status).toBe(200);
    open.registry.server.misbehave({ path: /manifests/ }, answering(code));
    scene.aheadMs += 30_000;
    const after = await viaProxy(program, open.registry.name, path, { headers });
    expect(after.status).toBe(code);
    const mirrored = await direct(program, `/v2/${open.registry.name}/team/app/manifests/1`);
    expect(mirrored.status).toBe(404);
  });
});

describe("a registry that says 429", () => {
  const tooMany = (fields: Record<string, string>) =>
    answering(429, { "content-type": "application/json", ...fields }, "{}");

  it.each<readonly [string, Record<string, string>]>([
    ["and for how long", { "retry-after": "60" }],
    ["and no more", {}],
  ])("%s is asked at most 12 times a minute, however many pull", async (_name, fields) => {
    const { scene, program, open } = await openWorld();
    await expectWhole(await pullMirrored(program, open), open);
    await untilKept(program, open);
    const { server } = open.registry;
    server.misbehave({}, tooMany(fields));
    scene.aheadMs += 30_000;
    const asked = (): number => server.requests.length + open.tokens.server.connections;
    const before = asked();
    const path = `/v2/${open.registry.name}/team/app/manifests/1`;
    const now = (): number => performance.now() + scene.aheadMs;
    for (const minute = now() + 60_000; now() < minute; ) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => direct(program, path)));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      scene.aheadMs += 3_000;
    }
    expect(asked() - before).toBeLessThanOrEqual(12);
  });

  it("is heard by who asks for something else, and left alone until then", async () => {
    const { scene, program, open } = await openWorld();
    await expectWhole(await pullMirrored(program, open), open);
    await untilKept(program, open);
    const { server } = open.registry;
    server.misbehave({}, tooMany({ "retry-after": "60" }));
    const path = `/v2/${open.registry.name}/other/app/manifests/1`;
    const first = await direct(program, path);
    expect([first.status, Number(first.headers["retry-after"])]).toEqual([429, expect.any(Number)]);
    const before = server.requests.length;
    scene.aheadMs += 40_000;
    const second = await direct(program, path.replace("other", "another"));
    expect(second.status).toBe(429);
    expect(Number(second.headers["retry-after"])).toBeLessThanOrEqual(20);
    expect(server.requests.length).toBe(before);
    server.behave();
    scene.aheadMs += 25_000;
    const third = await direct(program, `/v2/${open.registry.name}/team/app/manifests/1`);
    expect(third.status).toBe(200);
    expect(server.requests.length).toBeGreaterThan(before);
  });
});

describe("a busy tag", () => {
  it("is asked about before it is old, so that nobody waits", async () => {
    const { scene, program, open } = await openWorld();
    const path = `/v2/${open.registry.name}/team/app/manifests/1`;
    for (let time = 0; time < 3; time += 1) await direct(program, path);
    const { server } = open.registry;
    const heads = (): number => server.count({ method: "HEAD", path: /manifests\/1$/ });
    const before = heads();
    scene.aheadMs += 9_000;
    await eventually(() => heads() > before);
    await eventually(async () => {
      expect((await direct(program, path)).headers["cache-status"]).toContain("hit");
    });
  });
});
