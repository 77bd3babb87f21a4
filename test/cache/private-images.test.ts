/** Who gets a private image that is kept, however it is asked for. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BlobAsk, ManifestAsk } from "../../src/cache/pull-ask.ts";
import { eventually } from "../support/eventually.ts";
import { anonymous, House, login, none, shared, statusOf } from "./support/house.ts";
import { everybody, type Image, members, respond } from "./support/registries.ts";

const ref = "registry.example/corp/secret";
const neighbour = "registry.example/corp/open";
const evil = "evil.example/any/thing";

let house: House;
let secret: Image;

/** Alice has pulled it with her own login; the operator has no credential there. */
beforeAll(async () => {
  house = new House();
  house.credential = undefined;
  const { upstream } = house;
  const door = members({ logins: ["alice", "anna"] });
  secret = upstream.repository("registry.example", "corp/secret", door).addImage("1", "secret");
  const open = upstream.repository("registry.example", "corp/open", everybody);
  const other = upstream.repository("registry.example", "corp/bobs", members({ logins: ["bob"] }));
  const bait = upstream.repository("evil.example", "any/thing", () => true);
  const [opens, bobs] = [open.addImage("1", "open"), other.addImage("1", "bobs")];
  const lure = bait.addManifest(
    {
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: { mediaType: "x/y", digest: secret.config, size: 3 },
      layers: [{ mediaType: "x/y", digest: secret.layer, size: 3 }],
    },
    "application/vnd.oci.image.manifest.v1+json",
    "1",
  );
  await house.pull(`${ref}:1`, secret.layer, { access: login("alice") });
  await house.pull(`${neighbour}:1`, opens.layer);
  await house.pull("registry.example/corp/bobs:1", bobs.layer, { access: login("bob") });
  await house.manifest(`${evil}:1`, { access: none });
  await house.manifest(`${evil}@${lure}`, { access: none });
  await eventually(async () => expect(await house.blobs.stat(secret.layer)).toBeDefined());
  // The evil registry says yes to everything it does not have.
  upstream.fault("evil.example", (request) => {
    if (request.method !== "HEAD") return respond(request, 404);
    const digest = request.target.slice(request.target.lastIndexOf("/") + 1);
    return respond(request, 200, {
      "content-type": "application/vnd.oci.image.manifest.v1+json",
      "docker-content-digest": digest === "latest" ? secret.manifest : digest,
      "content-length": "10",
    });
  });
  // What was allowed a moment ago is not remembered any more.
  house.later(61_000);
});

afterAll(() => house.close());

const clients = {
  member: { access: login("anna") },
  "no login": { access: none },
  "our token": { access: anonymous },
  "wrong login": { access: login("mallory") },
  "other's login": { access: login("bob") },
};

type Change = Partial<BlobAsk> & Partial<ManifestAsk>;
type Way = (change: Change) => Promise<number | string>;

const manifest = (name: () => string, more: Change = {}): Way => {
  return (change) => statusOf(house.manifest(name(), { ...more, ...change }));
};
const blob = (name: () => string, more: Change = {}): Way => {
  return (change) => statusOf(house.blob(name(), { ...more, ...change }));
};
const middle = [{ kind: "from", start: 2, end: 9 }] as const;
const suffix = [{ kind: "suffix", length: 9 }] as const;

/** The status each client gets, in the order of `clients`. Evil's 200 is a length, never a body. */
const table: readonly (readonly [string, Way, readonly (number | string)[]])[] = [
  ["by tag", manifest(() => `${ref}:1`), [200, 401, 401, 401, 401]],
  ["HEAD by tag", manifest(() => `${ref}:1`, { isHead: true }), [200, 401, 401, 401, 401]],
  ["by digest", manifest(() => `${ref}@${secret.manifest}`), [200, 401, 401, 401, 401]],
  [
    "HEAD by digest",
    manifest(() => `${ref}@${secret.manifest}`, { isHead: true }),
    [200, 401, 401, 401, 401],
  ],
  ["a blob", blob(() => `${ref}@${secret.layer}`), [200, 401, 401, 401, 401]],
  [
    "HEAD of a blob",
    blob(() => `${ref}@${secret.layer}`, { isHead: true }),
    [200, 401, 401, 401, 401],
  ],
  ["a range", blob(() => `${ref}@${secret.layer}`, { range: middle }), [200, 401, 401, 401, 401]],
  [
    "a suffix range",
    blob(() => `${ref}@${secret.layer}`, { range: suffix }),
    [200, 401, 401, 401, 401],
  ],
  [
    "through a mirror",
    manifest(() => `${ref}@${secret.manifest}`, { isMirror: true }),
    [200, 401, 401, 401, 401],
  ],
  [
    "a blob under a public repository's name",
    blob(() => `${neighbour}@${secret.layer}`),
    [404, 404, 404, 404, 404],
  ],
  [
    "a manifest under a public repository's name",
    manifest(() => `${neighbour}@${secret.manifest}`),
    [404, 404, 404, 404, 404],
  ],
  [
    "a blob that an evil registry lists and says it has",
    blob(() => `${evil}@${secret.layer}`),
    [404, 404, 404, 404, 404],
  ],
  [
    "a manifest that an evil registry says it has",
    manifest(() => `${evil}@${secret.manifest}`),
    [404, 404, 404, 404, 404],
  ],
  [
    "a tag that an evil registry says is that manifest",
    manifest(() => `${evil}:latest`),
    [404, 404, 404, 404, 404],
  ],
];

describe("a private image that is kept", () => {
  for (const [name, way, expected] of table)
    it(`asked for ${name}: ${expected.join(" ")}`, async () => {
      const seen: (number | string)[] = [];
      for (const client of Object.values(clients)) seen.push(await way(client));
      expect(seen).toEqual(expected);
    });

  it("is nobody's while its registry is down, but who was let in a moment ago", async () => {
    await house.manifest(`${ref}:1`, { access: login("anna") });
    house.upstream.down("registry.example");
    const seen: (number | string)[] = [];
    for (const client of Object.values(clients))
      seen.push(
        await statusOf(house.manifest(`${ref}@${secret.manifest}`, client)),
        await statusOf(house.blob(`${ref}@${secret.layer}`, client)),
        await statusOf(house.manifest(`${ref}:1`, client)),
      );
    house.later(61_000);
    seen.push(await statusOf(house.blob(`${ref}@${secret.layer}`, clients.member)));
    house.upstream.fault("registry.example", undefined);
    expect(seen).toEqual([200, 200, 200, ...Array(12).fill("CONNECT"), "CONNECT"]);
  });

  it("is not kept from who asks next because somebody was refused", async () => {
    expect(await statusOf(house.manifest(`${ref}:1`, clients["wrong login"]))).toBe(401);
    expect(await statusOf(house.manifest(`${ref}:1`, clients.member))).toBe(200);
  });

  it("is lost to a member as soon as a minute after the registry shuts him out", async () => {
    const repository = house.upstream.repository("registry.example", "corp/secret");
    expect(await statusOf(house.manifest(`${ref}:1`, clients.member))).toBe(200);
    repository.door = members({ logins: ["alice"] });
    house.later(61_000);
    expect(await statusOf(house.manifest(`${ref}:1`, clients.member))).toBe(401);
    expect(await statusOf(house.blob(`${ref}@${secret.layer}`, clients.member))).toBe(401);
    repository.door = members({ logins: ["alice", "anna"] });
  });
});

describe("an image that the operator's credential opens", () => {
  it("is everybody's, dies with the credential, and survives its being refused", async () => {
    const shop = new House();
    const door = members({ shared: true });
    const app = shop.upstream.repository("registry.example", "shop/app", door).addImage("1", "app");
    const name = "registry.example/shop/app";
    await shop.pull(`${name}:1`, app.layer, { access: shared });
    await eventually(() => expect(shop.usage.count).toBe(2));
    const statuses = async (): Promise<(number | string)[]> => {
      const seen: (number | string)[] = [];
      for (const access of [none, shared, login("mallory")])
        seen.push(
          await statusOf(shop.manifest(`${name}:1`, { access })),
          await statusOf(shop.blob(`${name}@${app.layer}`, { access })),
        );
      return seen;
    };
    expect(await statuses()).toEqual(Array(6).fill(200));
    // The account is locked: pulls go upstream without it, and what is kept stays everybody's.
    shop.upstream.repository("registry.example", "shop/app").door = () => false;
    shop.credential = { id: "operator", isRefused: true };
    shop.later(3_700_000);
    expect(await statuses()).toEqual(Array(6).fill(200));
    // It is another account now, and nobody knows whether that one may.
    shop.credential = { id: "somebody else", isRefused: false };
    expect(await statuses()).toEqual(Array(6).fill(401));
    await shop.close();
  });

  it("is tried for a client whose own login is refused", async () => {
    const shop = new House();
    const door = members({ shared: true });
    const app = shop.upstream.repository("registry.example", "shop/app", door).addImage("1", "app");
    const name = "registry.example/shop/app";
    expect(await shop.pull(`${name}:1`, app.layer, { access: login("mallory") })).toEqual([
      "miss",
      "miss",
    ]);
    await shop.close();
  });

  it("is withdrawn at once when the registry refuses the credential for it", async () => {
    const shop = new House();
    const repository = shop.upstream.repository(
      "registry.example",
      "shop/app",
      members({ shared: true }),
    );
    const app = repository.addImage("1", "app");
    const name = "registry.example/shop/app";
    await shop.pull(`${name}:1`, app.layer, { access: shared });
    repository.door = () => false;
    shop.later(11_000);
    expect(await statusOf(shop.manifest(`${name}:1`, { access: shared }))).toBe(401);
    expect(await statusOf(shop.blob(`${name}@${app.layer}`, { access: none }))).toBe(401);
    await shop.close();
  });
});
