/**
 * Whoever asks for an image, by whatever door, gets what the very registry that was named gives to
 * who asks it directly with the same Accept: never another registry's, another client's, or an old one.
 */
import { setImmediate as turn } from "node:timers/promises";
import { expect, it } from "vitest";
import { type Digest, digestOf } from "../../src/protocol/digest.ts";
import {
  dockerList,
  dockerManifest,
  ociIndex,
  ociManifest,
} from "../../src/protocol/media-type.ts";
import { type Answer, type Asked, direct, viaProxy } from "./support/client.ts";
import { type Program, Scene } from "./support/program.ts";
import {
  type Accepted,
  type Expected,
  type File,
  type Meaning,
  RegistryModel,
} from "./support/registry-model.ts";
import { Chance } from "./support/seeded.ts";

const ttl = 60_000;
const rounds = 160;
const repositories = ["team/app", "app/team"];
const tags = ["latest", "1"];
const doors = ["proxy", "prefix", "ns"] as const;
const types = [ociIndex, dockerList, ociManifest, dockerManifest];
const oldType = "application/vnd.docker.distribution.manifest.v1+prettyjws";
const nowhere = digestOf(Buffer.from("nowhere"));

type PlayedTag = {
  readonly model: RegistryModel;
  readonly isPlain: boolean;
  readonly repository: string;
  readonly tag: string;
};

type Ask = {
  readonly place: PlayedTag;
  readonly door: (typeof doors)[number];
  readonly method: "GET" | "HEAD";
  /** Undefined: by tag. */
  readonly digest: Digest | undefined;
  readonly accepted: Accepted;
  /** The types in lines of their own rather than in one. */
  readonly hasLines: boolean;
};

/** Registries whose names share a host or a port; only they know their images apart. */
async function openWorld(chance: Chance) {
  const scene = await Scene.open();
  const https = await scene.registry("one.test");
  const { port } = https.server.address;
  const found = [
    { registry: https, isPlain: false },
    { registry: await scene.registry("one.test"), isPlain: false },
    { registry: await scene.registry("one.test", { isPlain: true }), isPlain: true },
    { registry: await scene.registry("two.test", { host: "127.0.0.2", port }), isPlain: false },
  ];
  const now = (): number => Date.now() + scene.aheadMs;
  const places = found.flatMap(({ registry, isPlain }) => {
    const model = new RegistryModel(registry, now, ttl);
    return repositories.flatMap((repository) =>
      tags.map((tag): PlayedTag => ({ model, isPlain, repository, tag })),
    );
  });
  const images = new Images(chance);
  for (const place of places) images.move(place);
  const names = found.map(({ registry, isPlain }) => `${isPlain ? "http://" : ""}${registry.name}`);
  // Nothing fails here: a slow machine is to be waited for, not stood in for.
  const settings = { TAG_TTL: `${ttl} ms`, STALE_IF_ERROR: "0 ms" };
  const program = await scene.start({ ...settings, REGISTRIES: names.join(" ") });
  return { scene, program, places, images, now };
}

type World = Awaited<ReturnType<typeof openWorld>>;

/** Makes manifests, and moves tags to them. */
class Images {
  readonly #chance: Chance;
  #count = 0;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  move(place: PlayedTag): void {
    const { model, repository, tag } = place;
    model.move(repository, tag, this.#next(place));
  }

  /** Something new, something it was before, what others have too, or nothing. */
  #next({ model, isPlain, repository, tag }: PlayedTag): Meaning | undefined {
    const chance = this.#chance;
    const before = model.meanings(repository, tag);
    if (before.length > 0 && chance.in100(10)) return undefined;
    if (before.length > 0 && chance.in100(20)) return chance.one(before);
    if (!chance.in100(15)) return this.#fresh();
    // The same bytes, which do not say what they are: each kind of registry has its own word.
    const type = isPlain ? dockerManifest : ociManifest;
    return { own: image(`shared ${chance.below(3)}`, type, false) };
  }

  #fresh(): Meaning {
    const chance = this.#chance;
    this.#count += 1;
    const name = `image ${this.#count}`;
    const amd64 = image(name, chance.one([dockerManifest, ociManifest]));
    if (chance.in100(25)) return { own: amd64 };
    const own = index(name, chance.one([ociIndex, dockerList]), amd64);
    if (chance.in100(15)) return { own };
    return { own, converted: chance.in100(15) ? "missing" : amd64 };
  }
}

function image(name: string, type: string, saysType = true): File {
  const [digest, size] = [digestOf(Buffer.from(name)), name.length];
  const config = { mediaType: "application/vnd.oci.image.config.v1+json", digest, size };
  return file(
    { schemaVersion: 2, ...(saysType ? { mediaType: type } : {}), config, layers: [] },
    type,
  );
}

function index(name: string, type: string, { digest, type: mediaType, bytes }: File): File {
  const platform = { architecture: "amd64", os: "linux" };
  const manifests = [{ mediaType, digest, size: bytes.length, platform }];
  return file({ schemaVersion: 2, mediaType: type, manifests, annotations: { name } }, type);
}

function file(value: unknown, type: string): File {
  const bytes = Buffer.from(JSON.stringify(value));
  return { digest: digestOf(bytes), type, bytes };
}

function someAsk(chance: Chance, places: readonly PlayedTag[], place: PlayedTag): Ask {
  const accepted = chance.shuffled([
    ...types.filter(() => chance.in100(50)),
    ...(chance.in100(20) ? [oldType] : []),
    ...(chance.in100(5) ? ["*/*"] : []),
  ]);
  return {
    ...{ place, accepted, door: chance.one(doors), hasLines: chance.in100(30) },
    method: chance.in100(60) ? "GET" : "HEAD",
    digest: chance.in100(25) ? someDigest(chance, places, place) : undefined,
  };
}

/** Of something that the tag meant once; or that the same tag meant elsewhere. */
function someDigest(chance: Chance, places: readonly PlayedTag[], place: PlayedTag): Digest {
  const { model, repository, tag } = chance.in100(60) ? place : chance.one(places);
  const { own, converted } = chance.one(model.meanings(repository, tag));
  if (chance.in100(5)) return nowhere;
  return converted === undefined || converted === "missing" || chance.in100(50)
    ? own.digest
    : converted.digest;
}

function send(program: Program, ask: Ask): Promise<Answer> {
  const { place, door, method, accepted, hasLines } = ask;
  const { name } = place.model.registry;
  const rest = `${place.repository}/manifests/${ask.digest ?? place.tag}`;
  const accept = hasLines ? accepted : accepted.join(", ");
  const headers = accepted.length === 0 ? {} : { accept };
  const asked: Asked = { method, headers };
  if (door === "prefix") return direct(program, `/v2/${name}/${rest}`, asked);
  if (door === "ns") return direct(program, `/v2/${rest}?ns=${name}`, asked);
  if (!place.isPlain) return viaProxy(program, name, `/v2/${rest}`, asked);
  const host = { ...asked, headers: { ...headers, host: name } };
  return direct(program, `http://${name}/v2/${rest}`, host);
}

const unknown = Buffer.from(
  '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest_unknown","detail":null}]}',
);

/** What a client sees of an answer, in one line. */
function print(method: string, expected: Expected): string {
  const body = expected === "missing" ? unknown : expected.bytes;
  const [status, digest, type] =
    expected === "missing"
      ? [404, undefined, "application/json"]
      : [200, expected.digest, expected.type];
  const shown = method === "HEAD" ? "" : body.toString();
  return [status, digest, type, ...(status === 200 ? [body.length] : []), shown].join(" ");
}

function printAnswer({ status, headers, body }: Answer): string {
  const length = status === 200 ? [headers["content-length"]] : [];
  const [digest, type] = [headers["docker-content-digest"], headers["content-type"]];
  return [status, digest, type, ...length, body.toString()].join(" ");
}

/** Undefined when the answer is right. */
async function wrong({ program, now }: World, ask: Ask): Promise<string | undefined> {
  const { place, method, digest, accepted } = ask;
  const { model, repository, tag } = place;
  const from = now();
  const answer = await send(program, ask);
  const asked = { from, until: now() };
  const expected =
    digest === undefined
      ? model.byTag(repository, tag, accepted, asked)
      : model.byDigest(repository, digest, asked);
  const right = [...expected].map((one) => print(method, one));
  const given = printAnswer(answer);
  if (right.includes(given)) return undefined;
  const what = `${method} ${model.registry.name}/${repository} ${digest ?? tag} by ${ask.door}`;
  return `${what}, Accept: ${accepted}\n  gave ${given}\n  not ${right.join("\n  nor ")}`;
}

/** Some asks at once, most for one tag; that tag may move meanwhile. */
async function burst(world: World, chance: Chance, place: PlayedTag): Promise<readonly string[]> {
  const { places, images } = world;
  const asks = Array.from({ length: 1 + chance.below(4) }, () =>
    someAsk(chance, places, chance.in100(75) ? place : chance.one(places)),
  );
  const [turns, moves] = [chance.below(30), chance.in100(15)];
  const moving = async (): Promise<undefined> => {
    for (let left = turns; left > 0; left -= 1) await turn();
    images.move(place);
  };
  const all = asks.map((ask) => wrong(world, ask));
  const found = await Promise.all(moves ? [...all, moving()] : all);
  const again = chance.in100(40) ? [await wrong(world, chance.one(asks))] : [];
  return [...found, ...again].filter((one) => one !== undefined);
}

it.each([1, 2, 3])(
  "whatever is asked for gives what its own registry gives (seed %i)",
  async (seed) => {
    const chance = new Chance(seed);
    const world = await openWorld(chance);
    const { scene, places, images } = world;
    let place = chance.one(places);
    for (let round = 1; round <= rounds; round += 1) {
      // First the clock, then the tag: what is being confirmed while the clock moves is still true then.
      if (chance.in100(12)) scene.aheadMs += chance.one([ttl / 3, ttl * 0.8, ttl + 5_000]);
      if (chance.in100(60)) place = chance.one(places);
      if (chance.in100(15)) images.move(place);
      expect(await burst(world, chance, place), `round ${round}`).toEqual([]);
    }
  },
);
