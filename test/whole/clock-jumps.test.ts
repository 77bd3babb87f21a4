/** Somebody sets the machine's clock, by an hour or by decades: everybody goes on pulling. */
import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type Answer, type Door, direct, viaProxy } from "./support/client.ts";
import { addImage, type Image, manifestType } from "./support/image.ts";
import { authorization } from "./support/login.ts";
import { type NamedRegistry, Scene } from "./support/program.ts";

const hour = 3_600_000;
const year = 365 * 24 * hour;

const jumps: Readonly<Record<string, () => number>> = {
  "an hour forward": () => hour,
  "an hour back": () => -hour,
  "a year forward": () => year,
  "a year back": () => -year,
  "to 1970": () => 1_000 - Date.now(),
};

type ServedImage = { readonly registry: NamedRegistry; readonly image: Image };

/** One registry for everybody, and one that the operator's login opens. */
async function openWorld() {
  const scene = await Scene.open();
  const users = { robot: "CANARY-robot" };
  const place = async (host: string, anonymous: boolean): Promise<ServedImage> => {
    const registry = await scene.registry(host, {
      auth: (origin) => ({ kind: "bearer", realm: `${origin}/token`, users, anonymous }),
    });
    registry.server.issueTokensFor(registry.server);
    return { registry, image: addImage(registry.server, "team/app") };
  };
  const [open, lent] = [await place("open.test", true), await place("lent.test", false)];
  const settings = {
    // Long enough for what is to be a hit on a busy machine, too.
    TAG_TTL: "50s",
    REGISTRIES: open.registry.name,
    AUTH_REGISTRIES: `${lent.registry.name}:robot:CANARY-robot`,
  };
  return { scene, open, lent, start: () => scene.start(settings) };
}

/** Token, tag, manifest, config and layer, as an engine asks for them. */
async function pull(
  door: Door,
  { registry, image }: ServedImage,
  token?: string,
): Promise<Answer[]> {
  const own = token ?? (await authorization(door, registry.name, image.repository)) ?? "none";
  const headers = { authorization: own, accept: manifestType };
  const { repository, manifest, config, layer, tag } = image;
  const answers: Answer[] = [];
  for (const path of [`manifests/${tag}`, `manifests/${manifest}`])
    answers.push(await viaProxy(door, registry.name, `/v2/${repository}/${path}`, { headers }));
  for (const blob of [config, layer])
    answers.push(
      await viaProxy(door, registry.name, `/v2/${repository}/blobs/${blob}`, { headers }),
    );
  return answers;
}

function expectWhole(answers: readonly Answer[], { image }: ServedImage): void {
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect(answers.at(3)?.body.equals(image.layerBytes)).toBe(true);
  for (const { headers } of answers) {
    const age = Number(headers.age ?? 0);
    expect(age).toBeGreaterThanOrEqual(0);
    expect(age).toBeLessThan(60);
  }
}

/** Bodies that came from the registry: of manifests, and of blobs. */
function bodies({ registry, image }: ServedImage): readonly number[] {
  const of = (kind: string): number =>
    registry.server.count({ method: "GET", path: new RegExp(`/${image.repository}/${kind}/`) });
  return [of("manifests"), of("blobs")];
}

describe.each(Object.entries(jumps))("a clock that is set %s", (_, by) => {
  it("while it runs costs nobody a pull, and nothing that is kept", async () => {
    const { scene, open, lent, start } = await openWorld();
    const program = { ...(await start()), hasOtherClock: Math.abs(by()) > 24 * hour };
    const tokens = new Map<ServedImage, string | undefined>();
    for (const place of [open, lent]) {
      expectWhole(await pull(program, place), place);
      const { registry, image } = place;
      tokens.set(place, await authorization(program, registry.name, image.repository));
    }
    const before = [open, lent].map(bodies);
    scene.jumpMs = by();
    for (const place of [open, lent]) {
      const answers = await pull(program, place);
      expectWhole(answers, place);
      expect(answers[0]?.headers["cache-status"]).toBe("entrepot; hit");
      // A token of before is good, or refused so that the engine asks for another.
      const [again] = await pull(program, place, tokens.get(place));
      expect(again?.status === 200 || again?.status === 401).toBe(true);
      if (again?.status === 401)
        expect(again.headers["www-authenticate"]).toContain('error="invalid_token"');
    }
    expect([open, lent].map(bodies)).toEqual(before);
    // What is new is fetched and kept as ever.
    const other = { ...open, image: addImage(open.registry.server, "team/other") };
    expectWhole(await pull(program, other), other);
    scene.jumpMs = 0;
    expectWhole(await pull(program, other), other);
    expect(bodies(other)).toEqual([1, 2]);
  });

  it("leaves what is believed for ten minutes believed for ten minutes", async () => {
    const { scene, open, lent, start } = await openWorld();
    const program = { ...(await start()), hasOtherClock: true };
    for (const place of [open, lent]) expectWhole(await pull(program, place), place);
    const pings = (): number => open.registry.server.count({ method: "GET", path: /^\/v2\/$/ });
    scene.jumpMs = by();
    scene.aheadMs += 540_000;
    const before = pings();
    expectWhole(await pull(program, open), open);
    expect(pings()).toBe(before);
    scene.aheadMs += 120_000;
    expectWhole(await pull(program, open), open);
    expect(pings()).toBe(before + 1);
  });

  it("between two runs costs one question about each tag, and nothing that is kept", async () => {
    const { scene, open, lent, start } = await openWorld();
    const hasOtherClock = Math.abs(by()) > 24 * hour;
    const first = await start();
    for (const place of [open, lent]) expectWhole(await pull(first, place), place);
    await eventually(() =>
      [open, lent].every(({ image }) =>
        first.lines.some((line) => line.includes("kept a blob") && line.includes(image.layer)),
      ),
    );
    await first.stop();
    const before = [open, lent].map(bodies);
    for (const jump of [by(), 0]) {
      scene.jumpMs = jump;
      const program = { ...(await start()), hasOtherClock };
      for (const place of [open, lent]) expectWhole(await pull(program, place), place);
      expect([open, lent].map(bodies)).toEqual(before);
      const page = await direct(program, "/readyz");
      expect(JSON.parse(page.body.toString())).toMatchObject({ status: "ready" });
      await program.stop();
    }
  });
});
