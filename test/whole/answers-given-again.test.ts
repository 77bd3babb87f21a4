/**
 * A small answer may be given again without deciding anew, and nobody can tell: twins, of which one
 * decides each time, answer whoever asks whatever byte for byte, and tell and count the same.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Digest } from "../../src/protocol/digest.ts";
import { Generation } from "../../src/runtime/generation.ts";
import { eventually } from "../support/eventually.ts";
import { status, withHeaders } from "../support/fake-registry/fault.ts";
import { seeds } from "../support/seeds.ts";
import { converse, dial, secured, tunnel } from "./support/client.ts";
import { askControl } from "./support/control.ts";
import { addImage, manifestType } from "./support/image.ts";
import { basic } from "./support/login.ts";
import { type NamedRegistry, type Program, Scene } from "./support/program.ts";
import { Chance } from "./support/seeded.ts";

const tokenSecret = "CANARY-tokens-of-both-are-the-same";
const [alice, bob] = [basic(["alice", "CANARY-alice"]), basic(["bob", "CANARY-bob"])];
const users = { alice: "CANARY-alice", bob: "CANARY-bob" };
const ttl = 60_000;
/** What is looked at so often is not: both would do that at moments of their own. */
const everySecond = 1_000;

type Ask = {
  readonly registry: NamedRegistry;
  readonly repository: string;
  readonly reference: string;
  /** A name that takes logins, one that never asks for any, or CONNECT. */
  readonly door?: "login" | "open" | "proxy";
  readonly method?: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly body?: string;
};

/** One raises nothing when this changes. */
class Deaf extends Generation {
  readonly #to: string;

  constructor(to: string) {
    super();
    this.#to = to;
  }

  override raise(by: string): void {
    if (by !== this.#to) super.raise(by);
  }
}

/** Two programs over the same registries, at the same time of the same day. */
class Twins {
  readonly scene: Scene;
  /** Logins in, with repositories that everybody may have, too. */
  readonly vault: NamedRegistry;
  /** Opened by the operator's login, where it has one. */
  readonly lent: NamedRegistry;
  /** Gives tokens to everybody. */
  readonly hub: NamedRegistry;
  readonly publicRepositories: string[];
  readonly members: Record<string, string[]>;
  now = Date.now();
  readonly #programs: [given: Program, anew: Program][] = [];
  readonly #settings: Readonly<Record<string, string>>;

  private constructor(parts: Pick<Twins, "scene" | "vault" | "lent" | "hub" | "members"> & Lists) {
    this.scene = parts.scene;
    this.vault = parts.vault;
    this.lent = parts.lent;
    this.hub = parts.hub;
    this.members = parts.members;
    this.publicRepositories = parts.publicRepositories;
    const registries = [this.vault.name, this.lent.name, this.hub.name];
    this.#settings = {
      ...{ REGISTRIES: registries.join(" "), TAG_TTL: `${ttl} ms`, STALE_IF_ERROR: "0 ms" },
      ...{ TOKEN_SECRET: tokenSecret, AUTH_REGISTRIES: this.lentLogin },
      ...{ MIRROR_HOSTS: `login.lan=${this.vault.name}`, MIRROR_LOGIN: "login.lan" },
    };
  }

  static async open(): Promise<Twins> {
    const scene = await Scene.open();
    const lists: Lists = { publicRepositories: [] };
    const members: Record<string, string[]> = {};
    const vault = await scene.registry("vault.test", {
      auth: () => ({ kind: "basic", users, members, ...lists }),
    });
    const lent = await scene.registry("lent.test", {
      auth: () => ({ kind: "basic", users, members, ...lists }),
    });
    const hub = await scene.registry("hub.test", {
      auth: (origin) => ({ kind: "bearer", realm: `${origin}/token` }),
    });
    return new Twins({ scene, vault, lent, hub, members, ...lists });
  }

  get lentLogin(): string {
    return `${this.lent.name}:alice:CANARY-alice`;
  }

  /** Starts them; what the first is deaf to does not keep it from giving answers again. */
  async start(name: string, deafTo?: string): Promise<Pair> {
    const clocks = { now: () => this.now, steady: () => this.now };
    const start = (which: string, its: object) =>
      this.scene.start(
        { ...this.#settings, DATA_DIR: `${this.scene.folder}/${name}-${which}` },
        { ...clocks, ...its },
      );
    const generation = deafTo === undefined ? new Generation() : new Deaf(deafTo);
    const given = await start("given", { generation });
    const anew = await start("anew", { mayReuse: false });
    this.#programs.push([given, anew]);
    return new Pair(this, given, anew);
  }

  /** Nothing more is asked by either of them behind its clients' backs. */
  async settled(): Promise<void> {
    const servers = [this.vault.server, this.lent.server, this.hub.server];
    const requests = () => servers.flatMap((server) => server.requests);
    for (let seen = -1; seen !== requests().length; ) {
      seen = requests().length;
      for (let turns = 0; turns < 8; turns += 1) await turn();
      await eventually(() => requests().every((one) => one.status !== undefined));
    }
  }
}

type Lists = { readonly publicRepositories: string[] };

class Pair {
  readonly twins: Twins;
  readonly given: Program;
  readonly anew: Program;
  /** Answers that were not the same. */
  readonly unlike: { readonly ask: string; readonly given: string; readonly anew: string }[] = [];

  constructor(whose: Twins, given: Program, anew: Program) {
    this.twins = whose;
    this.given = given;
    this.anew = anew;
  }

  async ask(ask: Ask): Promise<string> {
    const given = await raw(this.given, ask);
    const anew = await raw(this.anew, ask);
    await this.twins.settled();
    const { registry, ...its } = ask;
    if (given !== anew)
      this.unlike.push({ ask: `${registry.name} ${JSON.stringify(its)}`, given, anew });
    return anew;
  }

  /** So that there is an answer to be given again, and once more from there. */
  async askOften(ask: Ask): Promise<void> {
    for (let times = 0; times < 4; times += 1) await this.ask(ask);
  }

  async reload(AUTH_REGISTRIES: string): Promise<void> {
    for (const program of [this.given, this.anew]) await program.reload({ AUTH_REGISTRIES });
  }

  /** As `entrepot images rm` does it. */
  async remove(name: string): Promise<void> {
    const both = [this.given, this.anew];
    // What is on its way to the disk is not kept yet, and stays.
    await eventually(() => new Set(both.map(kept)).size === 1);
    await eventually(() => both.every(({ dataDir }) => isEmpty(join(dataDir, "partial"))));
    for (const program of [this.given, this.anew])
      await askControl(program, "removals", { name }).catch(() => undefined);
  }

  /** Of each, what its log says of requests, and what it counts of them. */
  async told(): Promise<readonly [readonly string[], readonly string[]]> {
    const lines = ({ lines: all }: Program): string[] =>
      all.filter((line) => line.includes('"msg":"request"')).map(withoutTimes);
    const both = [this.given, this.anew].map(async (program) => [
      ...lines(program),
      ...(await counted(program)),
    ]);
    const [given = [], anew = []] = await Promise.all(both);
    return [given, anew];
  }
}

async function counted({ adminPort }: Program): Promise<string[]> {
  const page = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  const names = /^entrepot_(?:requests|responses|pulls|client_bytes)_total/;
  return page.split("\n").filter((line) => names.test(line));
}

function kept({ lines }: Program): number {
  return lines.filter((line) => line.includes("kept a blob")).length;
}

function isEmpty(folder: string): boolean {
  return readdirSync(folder).length === 0;
}

function withoutTimes(line: string): string {
  return JSON.stringify({ ...JSON.parse(line), time: 0, ms: 0 });
}

/** All bytes of the answer but the Date. */
async function raw(program: Program, ask: Ask): Promise<string> {
  const { registry, repository, reference, door = "login", method = "GET", body = "" } = ask;
  const prefix = door === "open" ? `${registry.name}/` : "";
  const hosts = { login: "login.lan", open: `127.0.0.1:${program.port}`, proxy: registry.name };
  const fields = {
    ...{ Host: hosts[door], Accept: manifestType, ...ask.fields, Connection: "close" },
    ...(body === "" ? {} : { "Content-Type": manifestType, "Content-Length": `${body.length}` }),
  };
  const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const target = `/v2/${prefix}${repository}/manifests/${reference}`;
  const request = `${method} ${target} HTTP/1.1\r\n${head.join("")}\r\n${body}`;
  const connection =
    door === "proxy"
      ? await secured((await tunnel(program, registry.name)).socket, program, registry.name)
      : await dial(program.port);
  const answer = await converse(connection, request);
  expect(answer).toMatch(/^HTTP\/1\.1 \d{3} /);
  return answer.replace(/\r\nDate: [^\r]+/, "");
}

let world: Twins;
let pair: Pair;

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ["setInterval"] });
  const { setTimeout: real } = globalThis;
  vi.stubGlobal("setTimeout", (...[act, milliseconds, ...rest]: Parameters<typeof real>) =>
    milliseconds === everySecond ? real(() => undefined, 0) : real(act, milliseconds, ...rest),
  );
  world = await Twins.open();
  pair = await world.start("usual");
}, 60_000);

afterAll(async () => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  await world.scene.close();
});

type Story = (pair: Pair, repository: string) => Promise<void>;

/** What happens at registries, to clients, and here, by chance. */
class Happenings {
  readonly #pair: Pair;
  readonly #chance: Chance;
  readonly #images: readonly Image[];

  constructor(asked: Pair, chance: Chance, images: readonly Image[]) {
    this.#pair = asked;
    this.#chance = chance;
    this.#images = images;
  }

  /** Somebody asks again and again; something happens, which others may be the first to see; he asks once more. */
  async happen(): Promise<void> {
    const chance = this.#chance;
    const image = chance.one(this.#images);
    const ask = this.#someAsk(image);
    for (let times = 0; times < 3; times += 1) await this.#pair.ask(ask);
    await this.#change(image);
    if (chance.in100(60)) {
      const { place, tag } = image;
      const fields = { ...chance.one(logins), "Cache-Control": "no-cache" };
      const reference = chance.one([tag, "none"]);
      const [door, method] = [chance.one(doorsOf(place)), chance.one(methods)];
      await this.#pair.ask({ ...place, reference, fields, door, method });
    }
    await this.#pair.ask(ask);
  }

  #someAsk({ place, tag, digests }: Image): Ask {
    const chance = this.#chance;
    const fields = chance.one<Readonly<Record<string, string>>>([
      ...[{}, {}, {}, {}, {}, {}, { Accept: "*/*" }, { Accept: "application/json" }],
      ...[{ "If-None-Match": `"${digests[0]}"` }, { Range: "bytes=3-9" }],
      { "Sec-Fetch-Site": "cross-site" },
    ]);
    return {
      ...place,
      reference: chance.in100(50) ? tag : (digests.at(-1) ?? tag),
      door: chance.one(doorsOf(place)),
      method: chance.one(methods),
      fields: { ...chance.one(logins), ...fields },
    };
  }

  #change(image: Image): Promise<void> {
    const { place, tag } = image;
    const name = `${place.registry.name}/${place.repository}:${tag}`;
    return this.#chance.one([
      ...[() => this.#move(image), () => this.#open(image), () => this.#dismiss(image)],
      ...[() => this.#push(image), () => this.#pair.remove(name), () => this.#wait()],
      ...[() => this.#delete(image), () => this.#tellBudget(place.registry)],
      () => this.#pair.reload(this.#chance.one([world.lentLogin, ""])),
    ])();
  }

  async #move({ place, tag, digests }: Image): Promise<void> {
    digests.push(addImage(place.registry.server, place.repository, { tag }).manifest);
  }

  async #open({ place: { repository } }: Image): Promise<void> {
    const { publicRepositories } = world;
    const at = publicRepositories.indexOf(repository);
    if (at >= 0) publicRepositories.splice(at, 1);
    else publicRepositories.push(repository);
  }

  async #dismiss({ place: { repository } }: Image): Promise<void> {
    const { members } = world;
    members[repository] = this.#chance.one([["alice"], [], ["bob"], ["alice", "bob"]]);
  }

  async #push({ place, tag, digests }: Image): Promise<void> {
    const layers = [{ mediaType: "x/y", digest: digests[0], size: this.#chance.below(1_000) }];
    const body = JSON.stringify({ schemaVersion: 2, mediaType: manifestType, layers });
    const fields = { Authorization: alice };
    const how = { door: "proxy", method: "PUT", fields, body } as const;
    await this.#pair.ask({ ...place, reference: tag, ...how });
  }

  async #delete({ place, tag, digests }: Image): Promise<void> {
    const reference = this.#chance.one([tag, ...digests]);
    const how = { door: "proxy", method: "DELETE", fields: { Authorization: alice } } as const;
    await this.#pair.ask({ ...place, reference, ...how });
  }

  async #tellBudget({ server }: NamedRegistry): Promise<void> {
    const left = this.#chance.one([90, 10, 2]);
    const told = { "ratelimit-limit": "100;w=600", "ratelimit-remaining": `${left};w=600` };
    server.misbehave({ path: /manifests/ }, withHeaders(told));
  }

  async #wait(): Promise<void> {
    world.now += this.#chance.one([300, 900, 1_100, 15_000, 61_000, 700_000, 3_601_000]);
  }
}

const methods = ["GET", "GET", "HEAD"] as const;
const logins = [{}, { Authorization: alice }, { Authorization: alice }, { Authorization: bob }];

const doors = ["login", "open", "proxy"] as const;

/** No name of ours takes logins for the others. */
function doorsOf({ registry }: Image["place"]): readonly (typeof doors)[number][] {
  return registry === world.vault ? doors : ["open", "proxy"];
}

/** Some repositories of each registry, with a tag, and all that it ever meant. */
type Image = {
  readonly place: Pick<Ask, "registry" | "repository">;
  readonly tag: string;
  readonly digests: Digest[];
};

function someImages(seed: number): Image[] {
  const { vault, lent, members, publicRepositories } = world;
  return [vault, lent].flatMap((registry) =>
    ["private", "open"].map((name) => {
      const repository = `corp-${seed}/${registry.name.replace(/\..*/, "")}-${name}`;
      members[repository] = ["alice"];
      if (name === "open") publicRepositories.push(repository);
      const { manifest } = addImage(registry.server, repository);
      return { place: { registry, repository }, tag: "1", digests: [manifest] };
    }),
  );
}

/** After the first half of each the answer of before is wrong; what it changes with it is told alone. */
const stories: Readonly<Record<string, Story>> = {
  "tag/": async (asked, repository) => {
    const { vault, members } = world;
    members[repository] = ["alice"];
    addImage(vault.server, repository);
    const ask = { registry: vault, repository, reference: "1", fields: { Authorization: alice } };
    await asked.askOften(ask);
    addImage(vault.server, repository);
    await asked.ask({
      ...ask,
      method: "HEAD",
      fields: { ...ask.fields, "Cache-Control": "no-cache" },
    });
    await asked.ask(ask);
  },
  "visibility/": async (asked, repository) => {
    const { vault, publicRepositories } = world;
    publicRepositories.push(repository);
    const { manifest } = addImage(vault.server, repository);
    // That it asks for logins is known from elsewhere.
    await asked.ask({ registry: vault, repository: "any/thing", reference: "1", door: "open" });
    await asked.ask({ registry: vault, repository, reference: "1" });
    const ask = { registry: vault, repository, reference: manifest };
    await asked.askOften(ask);
    publicRepositories.pop();
    await asked.ask({ ...ask, reference: "1", fields: { "Cache-Control": "no-cache" } });
    await asked.ask(ask);
  },
  "held/": async (asked, repository) => {
    const { vault, members } = world;
    members[repository] = ["alice"];
    const { manifest } = addImage(vault.server, repository);
    const fields = { Authorization: alice };
    const ask = { registry: vault, repository, reference: manifest, fields };
    await asked.askOften(ask);
    await asked.ask({ ...ask, door: "proxy", method: "DELETE" });
    await asked.ask(ask);
  },
  grant: async (asked, repository) => {
    const { vault, members } = world;
    members[repository] = ["alice"];
    const { manifest } = addImage(vault.server, repository);
    const fields = { Authorization: alice };
    const ask = { registry: vault, repository, reference: manifest, fields };
    await asked.askOften(ask);
    members[repository] = [];
    await asked.ask({
      ...ask,
      reference: "other",
      fields: { ...fields, "Cache-Control": "no-cache" },
    });
    await asked.ask(ask);
  },
  budget: async (asked, repository) => {
    const { vault, members } = world;
    members[repository] = ["alice"];
    const { manifest } = addImage(vault.server, repository);
    const fields = { Authorization: alice };
    const ask = { registry: vault, repository, reference: manifest, fields };
    await asked.askOften(ask);
    const left = { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "7;w=21600" };
    vault.server.misbehave({ path: new RegExp(`${repository}/`) }, withHeaders(left));
    await asked.ask({ ...ask, reference: "none", method: "HEAD" });
    await asked.ask(ask);
    vault.server.behave();
  },
  challenge: async (asked, repository) => {
    const { lent, members } = world;
    members[repository] = ["alice"];
    const { manifest } = addImage(lent.server, repository);
    const ask = { registry: lent, repository, reference: manifest, door: "open" } as const;
    await asked.askOften(ask);
    // Somebody else's token service, who gets none of the operator's logins.
    const other = 'Bearer realm="https://elsewhere.example/token",service="another"';
    lent.server.misbehave({ path: /none/ }, status(401, { "www-authenticate": other }));
    await asked.ask({ ...ask, reference: "none" });
    await asked.ask(ask);
    lent.server.behave();
  },
  logins: async (asked, repository) => {
    const { lent, members } = world;
    members[repository] = ["alice"];
    const { manifest } = addImage(lent.server, repository);
    const ask = { registry: lent, repository, reference: manifest, door: "open" } as const;
    await asked.askOften(ask);
    await asked.reload("");
    await asked.ask(ask);
    await asked.reload(world.lentLogin);
  },
};

describe("what an answer rests on", () => {
  it.each(Object.keys(stories))("changes, and it is not given again: %s", async (reason) => {
    const name = reason.replace("/", "");
    await stories[reason]?.(pair, `told/${name}`);
    expect(pair.unlike).toEqual([]);
  });

  it.each(Object.keys(stories))("would change unnoticed if nobody told: %s", async (reason) => {
    const name = reason.replace("/", "");
    const deaf = await world.start(`deaf-${name}`, reason);
    await stories[reason]?.(deaf, `deaf/${name}`);
    expect(deaf.unlike).toHaveLength(1);
  });
});

describe("twins", { timeout: 300_000 }, () => {
  it("answer, tell and count the same, whatever happens", async () => {
    for (const seed of seeds) {
      const chance = new Chance(seed);
      const happenings = new Happenings(pair, chance, someImages(seed));
      for (let count = 0; count < 4; count += 1) await happenings.happen();
      expect(pair.unlike, `seed ${seed}`).toEqual([]);
    }
    await eventually(async () => {
      const [given, anew] = await pair.told();
      expect(given).toEqual(anew);
    });
  });
});
