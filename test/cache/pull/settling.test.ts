/** What is done about a manifest after it was served, and what that is good for when its registry is gone. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Digest, digestOf } from "../../../src/protocol/digest.ts";
import { eventually } from "../../support/eventually.ts";
import {
  anonymous,
  bodyOf,
  contentOf,
  House,
  login,
  manifestAsk,
  none,
  shared,
  statusOf,
} from "../support/house.ts";
import { everybody, type Image, members, type Repository, types } from "../support/registries.ts";

const host = "registry.example";
const base = Buffer.from("a base layer that everybody has ".repeat(100));
const team = `${host}/team/bb`;

let house: House;
let library: Repository;
let ours: Repository;

/** An image on the base layer; what lies above it is its own. */
function imageOn(repository: Repository, seed: string, layers: readonly Buffer[] = [base]): Image {
  const descriptor = (bytes: Buffer, mediaType: string) => ({
    ...{ mediaType, digest: repository.addBlob(bytes), size: bytes.length },
  });
  const config = Buffer.from(`{"config":"${seed}"}`);
  const layer = Buffer.from(`layer of ${seed} `.repeat(100));
  const manifest = {
    ...{ schemaVersion: 2, mediaType: types.ociManifest },
    config: descriptor(config, "application/vnd.oci.image.config.v1+json"),
    layers: [...layers, layer].map((bytes) =>
      descriptor(bytes, "application/vnd.oci.image.layer.v1.tar+gzip"),
    ),
  };
  const digest = repository.addManifest(manifest, types.ociManifest, "1");
  return { manifest: digest, config: digestOf(config), layer: digestOf(layer) };
}

async function pull(name: string, blobs: readonly Digest[], change = {}): Promise<void> {
  await bodyOf(await house.manifest(`${name}:1`, change));
  for (const digest of blobs) await bodyOf(await house.blob(`${name}@${digest}`, change));
  for (const digest of blobs)
    await eventually(async () => expect(await house.blobs.stat(digest)).toBeDefined());
}

/** All that a mirror's client asks for, when the registry is gone. */
async function offline(name: string, blobs: readonly Digest[], change = {}) {
  house.upstream.down(host);
  house.later(11_000);
  const seen = [await statusOf(house.manifest(`${name}:1`, { isMirror: true, ...change }))];
  for (const digest of blobs) seen.push(await statusOf(house.blob(`${name}@${digest}`, change)));
  return seen;
}

const asked = (part: string): string[] => house.upstream.log.filter((line) => line.includes(part));

/** What was served is looked at, and all that comes of it has come. */
async function settled(part: string, times: number): Promise<void> {
  house.settle();
  await eventually(() => expect(asked(part)).toHaveLength(times));
  await house.pulls.flush();
}

/** What was served there is looked at: what is served last is also seen to last. */
async function lookedAt(at = host): Promise<void> {
  const layer = Buffer.from("everybody may know of it");
  const known = imageOn(house.upstream.repository(at, "known/one", everybody), "known", [layer]);
  imageOn(house.upstream.repository(at, "known/two", everybody), "two", [layer]);
  await pull(`${at}/known/one`, [known.config, digestOf(layer), known.layer]);
  await pull(`${at}/known/two`, []);
  house.upstream.forget();
  await settled("HEAD known/two/blobs", 1);
}

const others = (): string[] => house.upstream.log.filter((line) => !line.includes("known/two"));

beforeEach(() => {
  house = new House();
  house.credential = undefined;
  library = house.upstream.repository(host, "library/bb", everybody);
  ours = house.upstream.repository(host, "team/bb", everybody);
});

afterEach(() => house.close());

describe("a layer that the client had from another repository", () => {
  it("is served when the registry is gone a moment later", async () => {
    const [theirs, own] = [imageOn(library, "library"), imageOn(ours, "team")];
    const layer = digestOf(base);
    await pull(`${host}/library/bb`, [theirs.config, layer, theirs.layer]);
    await pull(team, [own.config, own.layer]);
    expect(await offline(team, [own.config, layer, own.layer])).toEqual([200, 200, 200, 200]);
  });

  it("is asked about once in the background, and known from then on", async () => {
    const [theirs, own] = [imageOn(library, "library"), imageOn(ours, "team")];
    const layer = digestOf(base);
    await pull(`${host}/library/bb`, [theirs.config, layer, theirs.layer]);
    await pull(team, [own.config, own.layer]);
    await settled(`team/bb/blobs/${layer}`, 1);
    expect(asked("team/bb/blobs")).toContain(`HEAD team/bb/blobs/${layer} 200`);
    house.upstream.forget();
    expect(contentOf(await house.blob(`${team}@${layer}`)).outcome).toBe("hit");
    await bodyOf(await house.manifest(`${team}:1`));
    for (const _ of [1, 2, 3]) house.settle(700_000);
    expect(asked("blobs")).toEqual([]);
  });

  it("is known once it has come, where two images were pulled at once", async () => {
    const [theirs, own] = [imageOn(library, "library"), imageOn(ours, "team")];
    const layer = digestOf(base);
    await pull(team, [own.config, own.layer]);
    house.settle();
    await pull(`${host}/library/bb`, [theirs.config, layer, theirs.layer]);
    house.settle(60_000);
    await eventually(() =>
      expect(asked("team/bb/blobs")).toContain(`HEAD team/bb/blobs/${layer} 200`),
    );
  });

  it("is asked about as the operator where he opened both, whoever pulled", async () => {
    house.credential = { id: "operator", isRefused: false };
    library.door = members({ shared: true });
    ours.door = members({ shared: true, logins: ["alice"] });
    const [theirs, own] = [imageOn(library, "library"), imageOn(ours, "team")];
    const layer = digestOf(base);
    await pull(`${host}/library/bb`, [theirs.config, layer, theirs.layer], { access: shared });
    await pull(team, [own.config, own.layer], { access: shared });
    house.upstream.forget();
    await pull(team, [], { access: login("alice") });
    await settled(`team/bb/blobs/${layer}`, 1);
    const by = house.upstream.seen.map(({ target, access }) => [target, access.kind]);
    expect(by).toContainEqual([`/v2/team/bb/blobs/${layer}`, "shared"]);
    expect(await offline(team, [layer], { access: none })).toEqual([200, 200]);
  });

  it("of an image that is there under two names is known under both, from a HEAD of the tag", async () => {
    const image = imageOn(library, "library");
    const index = library.addIndex("1", [image.manifest]);
    const again = imageOn(ours, "library");
    expect(ours.addIndex("1", [again.manifest])).toBe(index);
    const name = `${host}/library/bb`;
    await pull(name, [image.config, digestOf(base), image.layer]);
    await bodyOf(await house.manifest(`${name}@${image.manifest}`));
    // An engine that has all of it by digest asks for no more.
    await house.manifest(`${team}:1`, { isHead: true });
    await settled("HEAD team/bb/blobs", 3);
    expect(await offline(team, [image.config, digestOf(base), image.layer])).toEqual(
      Array(4).fill(200),
    );
    expect(await statusOf(house.manifest(`${team}@${image.manifest}`))).toBe(200);
  });
});

describe("a registry is not asked", () => {
  it("about what another registry gave", async () => {
    const theirs = imageOn(library, "library");
    await pull(`${host}/library/bb`, [theirs.config, digestOf(base), theirs.layer]);
    imageOn(house.upstream.repository("evil.example", "library/bb", everybody), "lure");
    await pull("evil.example/library/bb", []);
    await lookedAt("evil.example");
    expect(others()).toEqual([]);
  });

  it("about what it gave to a client's own login", async () => {
    library.door = members({ logins: ["alice"] });
    const theirs = imageOn(library, "library");
    const access = login("alice");
    await pull(`${host}/library/bb`, [theirs.config, digestOf(base), theirs.layer], { access });
    imageOn(ours, "lure");
    await pull(team, []);
    await lookedAt();
    expect(others()).toEqual([]);
  });

  it("with a client's login, nor in a repository that only such a login opens", async () => {
    const theirs = imageOn(library, "library");
    await pull(`${host}/library/bb`, [theirs.config, digestOf(base), theirs.layer]);
    ours.door = members({ logins: ["alice"] });
    const own = imageOn(ours, "team");
    await pull(team, [own.config, own.layer], { access: login("alice") });
    await lookedAt();
    expect(others()).toEqual([]);
  });

  it("more than 64 times for one manifest, nor twice at a time", async () => {
    const many = Array.from({ length: 100 }, (_, index) => Buffer.from(`layer ${index}`));
    const theirs = imageOn(library, "library", many);
    await pull(`${host}/library/bb`, [theirs.config, ...many.map((one) => digestOf(one))]);
    const own = imageOn(ours, "team", many);
    await pull(team, [own.config, own.layer]);
    house.upstream.forget();
    const gate = Promise.withResolvers<void>();
    house.upstream.gate = gate.promise;
    house.settle();
    await eventually(() => expect(house.upstream.seen).toHaveLength(1));
    gate.resolve();
    await settled("HEAD team/bb/blobs", 64);
    await house.pulls.close();
    expect(asked("team/bb/blobs")).toHaveLength(64);
  });

  it("any more once it cannot be asked", async () => {
    const [theirs, own] = [
      imageOn(library, "library"),
      imageOn(ours, "team", [
        base,
        library.blobs.get(library.addBlob(Buffer.from("more"))) ?? base,
      ]),
    ];
    const more = digestOf(Buffer.from("more"));
    await pull(`${host}/library/bb`, [theirs.config, digestOf(base), more]);
    await pull(team, [own.config, own.layer]);
    house.upstream.forget();
    house.upstream.down(host);
    await settled("team/bb/blobs", 1);
    await house.pulls.close();
    expect(asked("team/bb/blobs")).toHaveLength(1);
  });
});

describe("while the registry is gone a layer under another name is not served", () => {
  it("that only a client's own login got there", async () => {
    library.door = members({ logins: ["alice"] });
    const [theirs, own] = [imageOn(library, "library"), imageOn(ours, "team")];
    const access = login("alice");
    await pull(`${host}/library/bb`, [theirs.config, digestOf(base), theirs.layer], { access });
    await pull(team, [own.config, own.layer]);
    const layer = digestOf(base);
    for (const who of [none, anonymous, access, login("bob")])
      expect(await offline(team, [layer], { access: who })).toEqual(["UNAVAILABLE", "CONNECT"]);
  });

  it("that a login got in a public repository, for it was never shown to everybody", async () => {
    house.credential = { id: "operator", isRefused: false };
    const [theirs, own] = [imageOn(library, "library"), imageOn(ours, "team")];
    await pull(`${host}/library/bb`, [theirs.config, digestOf(base)], { access: shared });
    await bodyOf(await house.manifest(`${host}/library/bb:1`, { access: anonymous }));
    house.later(11_000);
    await bodyOf(await house.manifest(`${host}/library/bb:1`, { access: anonymous }));
    await pull(team, [own.config, own.layer]);
    expect(await offline(team, [digestOf(base)], { access: none })).toEqual([
      ...["UNAVAILABLE", "CONNECT"],
    ]);
  });

  it("whose repository is public no more", async () => {
    const [theirs, own] = [imageOn(library, "library"), imageOn(ours, "team")];
    await pull(`${host}/library/bb`, [theirs.config, digestOf(base), theirs.layer]);
    await pull(team, [own.config, own.layer]);
    library.door = members({ logins: ["alice"] });
    house.later(11_000);
    expect(await statusOf(house.manifest(`${host}/library/bb:1`))).toBe(401);
    expect(await offline(team, [digestOf(base)])).toEqual(["UNAVAILABLE", "CONNECT"]);
  });

  it("that is named by a manifest of another registry", async () => {
    const theirs = imageOn(library, "library");
    await pull(`${host}/library/bb`, [theirs.config, digestOf(base), theirs.layer]);
    const evil = house.upstream.repository("evil.example", "any/thing", everybody);
    const own = imageOn(evil, "evil");
    await pull("evil.example/any/thing", [own.config, own.layer]);
    house.upstream.down("evil.example");
    expect(await statusOf(house.blob(`evil.example/any/thing@${digestOf(base)}`))).toBe("CONNECT");
  });

  it("that somebody deleted there", async () => {
    const [theirs, own] = [imageOn(library, "library"), imageOn(ours, "team")];
    const layer = digestOf(base);
    await pull(`${host}/library/bb`, [theirs.config, layer, theirs.layer]);
    await pull(team, [own.config, own.layer]);
    const ref = manifestAsk(`${team}:1`);
    const end = await house.pulls.writing(ref.registry, ref.repository, [
      { kind: "digest", digest: layer },
    ]);
    await end("taken");
    expect(await offline(team, [layer])).toEqual(["UNAVAILABLE", "CONNECT"]);
  });

  it("to the HEAD of a push, which would leave it out", async () => {
    const [theirs, own] = [imageOn(library, "library"), imageOn(ours, "team")];
    const layer = digestOf(base);
    await pull(`${host}/library/bb`, [theirs.config, layer, theirs.layer]);
    await pull(team, [own.config, own.layer]);
    house.upstream.down(host);
    const head = { isHead: true, access: login("alice") };
    expect(await statusOf(house.blob(`${team}@${layer}`, head))).toBe("CONNECT");
    expect(await statusOf(house.blob(`${team}@${layer}`, { ...head, isHead: false }))).toBe(200);
    expect(await statusOf(house.blob(`${team}@${layer}`, { ...head, isMirror: true }))).toBe(200);
  });
});

describe("a config that its clients never fetch", () => {
  it("is brought along once they have the rest", async () => {
    const own = imageOn(ours, "team");
    await pull(team, [own.layer, digestOf(base)]);
    await settled(`team/bb/blobs/${own.config}`, 1);
    await eventually(async () => expect(await house.blobs.stat(own.config)).toBeDefined());
    expect(await offline(team, [own.config, own.layer, digestOf(base)])).toEqual(
      Array(4).fill(200),
    );
  });

  it("is not fetched for who only looked at the manifest", async () => {
    imageOn(ours, "team");
    await pull(team, []);
    await lookedAt();
    expect(others()).toEqual([]);
  });

  it("is not wanted of what is no image", async () => {
    const text = Buffer.from('{"of":"an artifact"}');
    const layer = ours.addBlob(Buffer.from("a database"));
    ours.addManifest(
      {
        ...{ schemaVersion: 2, mediaType: types.ociManifest },
        config: {
          ...{ mediaType: "application/vnd.example.config.v1+json" },
          ...{ digest: ours.addBlob(text), size: text.length },
        },
        layers: [{ mediaType: "application/vnd.example.layer", digest: layer, size: 10 }],
      },
      ...([types.ociManifest, "1"] as const),
    );
    await pull(team, [layer]);
    expect(await offline(team, [layer])).toEqual([200, 200]);
  });
});
