/** On what pulls are decided, each by a real one; and that `explain` foretells it in the same words. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Decision, type Reason, type Why } from "../../src/cache/why.ts";
import { parseAccept, resolveAccept } from "../../src/protocol/media-type.ts";
import { seeds } from "../support/seeds.ts";
import { Chance } from "./support/chance.ts";
import { type blobAsk, bodyOf, House, login, manifestAsk, shared } from "./support/house.ts";
import { everybody, type Image, members, nobody, type Repository } from "./support/registries.ts";

const ref = "docker.io/library/alpine";
const image = `${ref}:3.20`;
const hour = 3_600_000;

let house: House;
let repository: Repository;
let alpine: Image;

beforeEach(() => build());
afterEach(() => house.close());

function build(options: ConstructorParameters<typeof House>[0] = {}): void {
  house = new House(options);
  repository = house.upstream.repository("docker.io", "library/alpine");
  alpine = repository.addImage("3.20", "alpine");
}

type Change = Partial<Omit<ReturnType<typeof manifestAsk>, "reference">>;

/** A pull to its end, whatever that is, and on what it was decided. */
async function whyManifest(name = image, change: Change = {}): Promise<Why | undefined> {
  const decision = new Decision();
  const answer = house.manifest(name, { ...change, decision });
  await answer.then(bodyOf).catch(() => undefined);
  return decision.why;
}

async function whyBlob(change: Partial<ReturnType<typeof blobAsk>> = {}): Promise<Why | undefined> {
  const decision = new Decision();
  const answer = house.blob(`${ref}@${alpine.layer}`, { ...change, decision });
  await answer.then(bodyOf).catch(() => undefined);
  return decision.why;
}

describe("a pull by tag", () => {
  it("that nobody made before, with the operator's login where there is one", async () => {
    const given = { reason: "unknown", said: "given" } as const;
    expect(await whyManifest()).toEqual({ ...given, login: "none" });
    const quay = house.upstream.repository("quay.io", "team/app", members({ shared: true }));
    quay.addImage("1", "app");
    expect(await whyManifest("quay.io/team/app:1", { access: shared })).toEqual({
      ...{ ...given, login: "shared" },
    });
  });

  it("of what was just confirmed, by whose proof", async () => {
    await whyManifest();
    expect(await whyManifest()).toEqual({ reason: "fresh", open: "public" });
    repository.door = members({ shared: true });
    house.later(2 * hour);
    await whyManifest(image, { access: shared });
    house.later(5_000);
    expect(await whyManifest(image, { access: shared })).toEqual({
      ...{ reason: "fresh", open: "shared" },
    });
  });

  it("of a client who was let in by his own login a moment ago", async () => {
    repository.door = members({ logins: ["ann"] });
    const ann = { access: login("ann") };
    expect(await whyManifest(image, ann)).toMatchObject({ said: "given", login: "own" });
    expect(await whyManifest(image, ann)).toEqual({ reason: "fresh", open: "client" });
    expect(await whyManifest(image, { access: login("bob") })).toEqual({
      ...{ reason: "not proven", said: "refused", login: "own" },
    });
  });

  it("whose time is over: it means the same, or something else, or is gone", async () => {
    await whyManifest();
    house.later(11_000);
    const asked = { reason: "expired", login: "none" } as const;
    expect(await whyManifest()).toEqual({ ...asked, said: "same" });
    house.later(11_000);
    repository.addImage("3.20", "newer");
    expect(await whyManifest()).toEqual({ ...asked, said: "moved" });
    house.later(11_000);
    repository.tags.delete("3.20");
    expect(await whyManifest()).toEqual({ ...asked, said: "missing" });
    expect(await whyManifest()).toEqual({ reason: "missing lately" });
  });

  it("while the registry is away: asked once, then left in peace", async () => {
    await whyManifest();
    house.later(11_000);
    house.upstream.down("docker.io");
    expect(await whyManifest()).toEqual({
      ...{ reason: "expired", said: "unavailable", login: "none" },
    });
    expect(await whyManifest()).toEqual({ reason: "failed lately" });
  });

  it("that a client wants confirmed", async () => {
    await whyManifest();
    expect(await whyManifest(image, { noCache: true })).toEqual({
      ...{ reason: "no-cache", said: "same", login: "none" },
    });
  });

  it("whose bytes are gone from the disk", async () => {
    await whyManifest();
    await house.blobs.delete(alpine.manifest);
    house.pulls.gone(alpine.manifest);
    expect(await whyManifest()).toMatchObject({ reason: "not kept", said: "same" });
  });

  it.each([
    [{ immutable: true }, { reason: "immutable", open: "public" }],
    [{ noCache: true }, { reason: "never believed", said: "same", login: "none" }],
  ] as const)("under the rule %j", async (rule, why) => {
    await house.close();
    build({ tagRules: [rule] });
    await whyManifest();
    house.later(hour / 2);
    expect(await whyManifest()).toEqual(why);
  });

  it("where a proxy's login page stands before the registry", async () => {
    repository.convert = undefined;
    repository.addManifest(Buffer.from("<html>log in</html>"), "text/html", "page");
    expect(await whyManifest(`${ref}:page`)).toMatchObject({ reason: "unknown" });
  });
});

describe("a pull by digest", () => {
  const name = () => `${ref}@${alpine.manifest}`;

  it("cold, warm, and when what shows that it is public has grown old", async () => {
    expect(await whyManifest(name())).toMatchObject({ reason: "not kept", said: "given" });
    expect(await whyManifest(name())).toEqual({ reason: "kept", open: "public" });
    house.later(2 * hour);
    expect(await whyManifest(name())).toEqual({
      ...{ reason: "old proof", said: "given", login: "none" },
    });
    expect(await whyManifest(name())).toEqual({ reason: "kept", open: "public" });
  });

  it("of a repository that was closed, and while its registry is away", async () => {
    await whyManifest(name());
    house.later(2 * hour);
    house.upstream.down("docker.io");
    expect(await whyManifest(name())).toMatchObject({ reason: "old proof", said: "unavailable" });
    house.upstream.fault("docker.io", undefined);
    house.later(hour);
    repository.door = nobody;
    expect(await whyManifest(name())).toMatchObject({ reason: "old proof", said: "refused" });
    expect(await whyManifest(name())).toMatchObject({ reason: "not proven", said: "refused" });
  });

  it("of another repository that nobody has shown to hold it", async () => {
    await whyManifest(name());
    house.upstream.repository("docker.io", "team/other").addImage("3.20", "alpine");
    const other = `docker.io/team/other@${alpine.manifest}`;
    expect(await whyManifest(other)).toEqual({
      ...{ reason: "not proven", said: "given", login: "none" },
    });
  });

  it("that the registry does not have", async () => {
    const gone = `${ref}@${alpine.manifest.replace(/.{4}$/, "0000")}`;
    expect(await whyManifest(gone)).toMatchObject({ reason: "not kept", said: "missing" });
    expect(await whyManifest(gone)).toEqual({ reason: "missing lately" });
  });
});

describe("a pull of a blob", () => {
  it("cold, warm, and evicted", async () => {
    expect(await whyBlob()).toEqual({ reason: "not kept", said: "given", login: "none" });
    await whyManifest();
    expect(await whyBlob()).toEqual({ reason: "kept", open: "public" });
    await house.blobs.delete(alpine.layer);
    house.pulls.gone(alpine.layer);
    expect(await whyBlob()).toMatchObject({ reason: "not kept", said: "given" });
  });

  it("asked by HEAD before a push", async () => {
    await whyManifest();
    await whyBlob();
    expect(await whyBlob({ isHead: true, access: login("ann") })).toMatchObject({
      reason: "may push",
    });
  });

  it("that was missing a moment ago", async () => {
    repository.blobs.delete(alpine.layer);
    expect(await whyBlob()).toMatchObject({ reason: "not kept", said: "missing" });
    expect(await whyBlob()).toEqual({ reason: "missing lately" });
  });
});

it("what goes on behind a client's back does not change on what his answer was decided", async () => {
  await whyManifest();
  house.later(11_000);
  house.upstream.down("docker.io", "TIMEOUT");
  const decision = new Decision();
  await bodyOf(await house.manifest(image, { decision }));
  const { why } = decision;
  house.upstream.fault("docker.io", undefined);
  await house.close();
  expect(decision.why).toEqual(why);
});

/** As clients ask whose types are those that we ask for. */
const accept = parseAccept([resolveAccept]);

type Step = (chance: Chance) => unknown;

/** What may happen between two pulls. */
const steps: readonly Step[] = [
  (chance) => house.later(chance.pick(100, 1_000, 3_000, 6_000, 11_000, 2 * hour, 30 * hour)),
  () => house.upstream.down("docker.io"),
  () => house.upstream.fault("docker.io", undefined),
  (chance) => {
    alpine = repository.addImage("3.20", `moved ${chance.between(0, 3)}`);
  },
  () => repository.tags.delete("3.20"),
  (chance) => {
    repository.door = chance.pick(everybody, nobody, members({ shared: true }));
  },
  () => {
    house.credential = house.credential && { ...house.credential, isRefused: true };
  },
  () => {
    house.credential = { id: "operator", isRefused: false };
  },
  async () => {
    await house.blobs.delete(alpine.manifest);
    house.pulls.gone(alpine.manifest);
  },
];

it.each(seeds)(
  "explain says what the pull after it is decided on, whatever happened (seed %i)",
  async (seed) => {
    const chance = new Chance(seed);
    const met = new Set<Reason>();
    for (let turn = 0; turn < 40; turn += 1) {
      if (!chance.oneIn(3)) await chance.pick(...steps)(chance);
      const ask = manifestAsk(chance.oneIn(3) ? `${ref}@${alpine.manifest}` : image);
      const foretold = await house.pulls.outlook(ask, ask.reference);
      const decision = new Decision();
      const pull = house.pulls.manifest({ ...ask, accept, access: shared, decision });
      await pull.then(bodyOf).catch(() => undefined);
      const { reason, open } = decision.why ?? {};
      expect({ turn, reason, open }).toEqual({ turn, open: undefined, ...foretold.why });
      if (reason !== undefined) met.add(reason);
    }
    expect(met.size).toBeGreaterThan(2);
  },
);
