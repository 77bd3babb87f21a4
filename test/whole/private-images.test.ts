/** A private image that is kept: who gets it, in which way asked, through the whole program. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { status as answering, reset } from "../support/fake-registry/fault.ts";
import { type Answer, type Asked, direct, viaProxy } from "./support/client.ts";
import { addImage, type Image, manifestType } from "./support/image.ts";
import { authorization, basic, type Login } from "./support/login.ts";
import { type NamedRegistry, type Program, Scene } from "./support/program.ts";

const alice: Login = ["alice", "CANARY-alice"];
const anna: Login = ["anna", "CANARY-anna"];
const bob: Login = ["bob", "CANARY-bob"];
const users = Object.fromEntries([alice, anna, bob]);

type House = { readonly registry: NamedRegistry; readonly secret: Image; readonly open: Image };

let scene: Scene;
let program: Program;
/** Clients log in by themselves. */
let guarded: House;
/** The operator's credential opens it to everybody who may use the proxy. */
let lent: House;
let evil: NamedRegistry;

async function openHouse(host: string): Promise<House> {
  const auth = (origin: string) => ({
    ...{ kind: "bearer" as const, realm: `${origin}/token`, users },
    members: { "corp/secret": ["alice", "anna"], "corp/bobs": ["bob"] },
  });
  const registry = await scene.registry(host, { auth });
  const [secret, open] = [
    addImage(registry.server, "corp/secret"),
    addImage(registry.server, "corp/open"),
  ];
  addImage(registry.server, "corp/bobs");
  // The fake keeps no account of which repository a blob is in.
  const elsewhere = new RegExp(`/corp/open/blobs/${secret.layer}`);
  registry.server.misbehave({ path: elsewhere }, answering(404));
  return { registry, secret, open };
}

beforeAll(async () => {
  scene = await Scene.open();
  [guarded, lent] = [await openHouse("guarded.test"), await openHouse("lent.test")];
  evil = await scene.registry("evil.test");
  program = await scene.start({
    REGISTRIES: `${guarded.registry.name} ${evil.name}`,
    AUTH_REGISTRIES: `${lent.registry.name}:alice:CANARY-alice`,
  });
  await pulledByItsOwner(guarded, alice);
  await pulledByItsOwner(lent);
  for (const { secret } of [guarded, lent]) await evilListsIt(secret);
  // What a login was allowed a moment ago is not remembered any more.
  scene.aheadMs += 61_000;
}, 60_000);

afterAll(() => scene.close());

async function pulledByItsOwner({ registry, secret, open }: House, login?: Login): Promise<void> {
  for (const image of [secret, open]) {
    for (const path of [`manifests/1`, `manifests/${image.manifest}`, `blobs/${image.layer}`]) {
      const token = await authorization(program, registry.name, image.repository, login);
      const headers = { authorization: token ?? "", accept: manifestType };
      const url = `/v2/${image.repository}/${path}`;
      const answer = await viaProxy(program, registry.name, url, { headers });
      expect([url, answer.status]).toEqual([url, 200]);
    }
  }
}

/** A manifest of anybody's may list any digest, and anybody's HEAD may say yes. */
async function evilListsIt(secret: Image): Promise<void> {
  evil.server.addManifest("any/thing", "1", {
    ...{ schemaVersion: 2, mediaType: manifestType },
    config: { mediaType: "x/y", digest: secret.config, size: 3 },
    layers: [{ mediaType: "x/y", digest: secret.layer, size: 300_000 }],
  });
  await viaProxy(program, evil.name, "/v2/any/thing/manifests/1");
  const yes = { "content-type": manifestType, "content-length": "300000" };
  for (const digest of [secret.layer, secret.manifest]) {
    const path = new RegExp(digest);
    const says = { ...yes, "docker-content-digest": digest };
    evil.server.misbehave({ method: "HEAD", path }, answering(200, says));
    await viaProxy(program, evil.name, `/v2/any/thing/blobs/${digest}`, { method: "HEAD" });
    await viaProxy(program, evil.name, `/v2/any/thing/manifests/${digest}`, { method: "HEAD" });
  }
}

type Client = { readonly house: () => House; readonly authorization: () => Promise<string> };
type Way = (house: House, headers: Fields) => Promise<Answer>;

const tokenOf = (login?: Login) => async () =>
  (await authorization(program, guarded.registry.name, "corp/secret", login)) ?? "none";

const clients: readonly Client[] = [
  { house: () => guarded, authorization: tokenOf() },
  { house: () => guarded, authorization: async () => basic(["alice", "CANARY-wrong"]) },
  { house: () => guarded, authorization: tokenOf(bob) },
  { house: () => guarded, authorization: tokenOf(anna) },
  {
    house: () => lent,
    authorization: async () =>
      (await authorization(program, lent.registry.name, "corp/secret")) ?? "none",
  },
];

type Fields = NonNullable<Asked["headers"]>;

function proxied(
  path: (image: Image) => string,
  method = "GET",
  more: (image: Image) => Fields = () => ({}),
): Way {
  return ({ registry, secret }, headers) =>
    viaProxy(program, registry.name, `/v2/${path(secret)}`, {
      ...{ method, headers: { ...headers, ...more(secret) } },
    });
}

function mirrored(path: (house: House) => string): Way {
  return (house, headers) => direct(program, `/v2/${path(house)}`, { headers });
}

function atEvil(path: (image: Image) => string): Way {
  return ({ secret }, headers) =>
    viaProxy(program, evil.name, `/v2/any/thing/${path(secret)}`, { headers });
}

const manifest = (reference: string) => `corp/secret/manifests/${reference}`;

describe("a private image that is kept", () => {
  // The columns: no login, a wrong one, one for another repository, a right one, the operator's.
  it.each<readonly [string, Way, readonly number[]]>([
    ["by tag", proxied(() => manifest("1")), [401, 401, 401, 200, 200]],
    ["HEAD by tag", proxied(() => manifest("1"), "HEAD"), [401, 401, 401, 200, 200]],
    ["by digest", proxied((its) => manifest(its.manifest)), [401, 401, 401, 200, 200]],
    ["HEAD by digest", proxied((its) => manifest(its.manifest), "HEAD"), [401, 401, 401, 200, 200]],
    [
      "by digest, by somebody who knows the digest",
      proxied(
        (its) => manifest(its.manifest),
        "GET",
        (its) => ({ "if-none-match": `"${its.manifest}"` }),
      ),
      [401, 401, 401, 304, 304],
    ],
    ["a blob", proxied((its) => `corp/secret/blobs/${its.layer}`), [401, 401, 401, 200, 200]],
    [
      "HEAD of a blob",
      proxied((its) => `corp/secret/blobs/${its.layer}`, "HEAD"),
      [401, 401, 401, 200, 200],
    ],
    [
      "a range of a blob",
      proxied(
        (its) => `corp/secret/blobs/${its.layer}`,
        "GET",
        () => ({ range: "bytes=5-9" }),
      ),
      [401, 401, 401, 206, 206],
    ],
    [
      "the end of a blob",
      proxied(
        (its) => `corp/secret/blobs/${its.layer}`,
        "GET",
        () => ({ range: "bytes=-9" }),
      ),
      [401, 401, 401, 206, 206],
    ],
    [
      "a blob in the name of a public repository",
      proxied((its) => `corp/open/blobs/${its.layer}`),
      [404, 404, 404, 404, 404],
    ],
    [
      "a manifest in the name of a public repository",
      proxied((its) => `corp/open/manifests/${its.manifest}`),
      [404, 404, 404, 404, 404],
    ],
    [
      "through a mirror by its path",
      mirrored(({ registry }) => `${registry.name}/${manifest("1")}`),
      [404, 404, 404, 404, 200],
    ],
    [
      "a blob through a mirror by its ns",
      mirrored((its) => `corp/secret/blobs/${its.secret.layer}?ns=${its.registry.name}`),
      [404, 404, 404, 404, 200],
    ],
    [
      "a blob at a registry that lists it and says it has it",
      atEvil((its) => `blobs/${its.layer}`),
      [404, 404, 404, 404, 404],
    ],
    [
      "a manifest at a registry that says it has it",
      atEvil((its) => `manifests/${its.manifest}`),
      [404, 404, 404, 404, 404],
    ],
    [
      "through a mirror by an evil ns",
      mirrored((its) => `corp/secret/blobs/${its.secret.layer}?ns=${evil.name}`),
      [404, 404, 404, 404, 404],
    ],
  ])("%s", async (_name, way, expected) => {
    const statuses: number[] = [];
    for (const { house, authorization: header } of clients) {
      statuses.push(await statusOf(house(), way, await header()));
    }
    expect(statuses).toEqual(expected);
  });

  it("is given to nobody whose login cannot be checked when its registry is down", async () => {
    const headers = await Promise.all(clients.map((client) => client.authorization()));
    // What was allowed a moment ago is not remembered any more.
    scene.aheadMs += 61_000;
    for (const { registry } of [guarded, lent]) registry.server.misbehave({}, reset());
    const blob = proxied((its) => `corp/secret/blobs/${its.layer}`);
    for (const way of [proxied(() => manifest("1")), blob]) {
      const statuses: number[] = [];
      for (const [index, { house }] of clients.entries()) {
        statuses.push(await statusOf(house(), way, headers[index] ?? ""));
      }
      expect(statuses.map((each) => (each >= 500 ? "down" : each))).toEqual([
        ...["down", "down", "down", "down", 200],
      ]);
    }
  });
});

async function statusOf(house: House, way: Way, header: string): Promise<number> {
  const answer = await way(house, { authorization: header, accept: manifestType });
  if (answer.status >= 400) expect(answer.body.includes(house.secret.layer)).toBe(false);
  return answer.status;
}
