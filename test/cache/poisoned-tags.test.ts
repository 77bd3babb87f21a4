/** What one client brings about at a tag is not what the others get. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { WriteFate } from "../../src/cache/pull/writes.ts";
import { parseAccept } from "../../src/protocol/media-type.ts";
import {
  anonymous,
  contentOf,
  House,
  login,
  manifestAsk,
  none,
  shared,
  statusOf,
} from "./support/house.ts";
import { members, type Repository, respond } from "./support/registries.ts";

const image = "docker.io/corp/app:1";

let house: House;
let corp: Repository;

beforeEach(() => {
  house = new House();
  const door = members({ shared: true, logins: ["alice", "bob"] });
  corp = house.upstream.repository("docker.io", "corp/app", door);
  corp.addImage("1", "first");
});
afterEach(() => house.close());

const outcome = async (change: Parameters<House["manifest"]>[1]) =>
  contentOf(await house.manifest(image, change)).outcome;

describe("a tag that everybody may have by the operator's credential", () => {
  it("is asked about for all, while one who may have public images only is told 429", async () => {
    await house.manifest(image, { access: shared });
    const second = corp.addImage("1", "second");
    house.upstream.fault("docker.io", (request) =>
      request.access.kind === "anonymous" ? respond(request, 429) : undefined,
    );
    house.later(10_000);
    const limited = { access: anonymous, isPublicOnly: true };
    expect(await statusOf(house.manifest(image, limited))).toBe(429);
    expect(contentOf(await house.manifest(image, { access: shared })).digest).toBe(second.manifest);
  });

  it("is asked about for all, while one client's odd Accept set breaks the registry", async () => {
    await house.manifest(image, { access: shared });
    const second = corp.addImage("1", "second");
    house.upstream.fault("docker.io", (request) => {
      const accept = request.headers.get("accept")?.[0] ?? "";
      return accept.includes("odd") ? respond(request, 500) : undefined;
    });
    const odd = parseAccept(["application/x.odd+json"]);
    expect(await statusOf(house.manifest(image, { access: shared, accept: odd }))).toBe(500);
    house.later(10_000);
    expect(await statusOf(house.manifest(image, { access: shared, accept: odd }))).toBe(500);
    expect(contentOf(await house.manifest(image, { access: shared })).digest).toBe(second.manifest);
  });

  it("is known still, after a 404 to who may have public images only", async () => {
    await house.manifest(image, { access: shared });
    corp.door = (access) => access.kind === "shared";
    house.upstream.fault("docker.io", (request) =>
      request.access.kind === "shared" ? undefined : respond(request, 404),
    );
    for (const access of [anonymous, none, login("mallory")]) {
      const own = { access, isPublicOnly: true };
      expect(await statusOf(house.manifest(image, own))).toBe(404);
    }
    expect(await outcome({ access: shared })).toBe("hit");
    house.later(20_000);
    house.upstream.down("docker.io");
    expect(await outcome({ access: shared })).toBe("stale");
  });

  it("is gone for all once the operator's credential finds it gone", async () => {
    await house.manifest(image, { access: shared });
    house.later(10_000);
    corp.tags.clear();
    expect(await statusOf(house.manifest(image, { access: shared }))).toBe(404);
    house.upstream.down("docker.io");
    house.later(3_000);
    expect(await statusOf(house.manifest(image, { access: shared }))).toBe("CONNECT");
  });
});

describe("a tag that clients' own logins open", () => {
  beforeEach(() => {
    house.credential = undefined;
    corp.door = members({ logins: ["alice", "bob"] });
  });

  it("is known still, after a 404 to who has no login", async () => {
    await house.manifest(image, { access: login("alice") });
    house.upstream.fault("docker.io", (request) =>
      request.access.kind === "client" ? undefined : respond(request, 404),
    );
    for (const access of [anonymous, none]) {
      expect(await statusOf(house.manifest(image, { access }))).toBe(404);
    }
    expect(await outcome({ access: login("alice") })).toBe("hit");
  });

  it("comes for one whose login is not limited, though another's gets 429 for the body", async () => {
    house.upstream.fault("docker.io", (request) => {
      const { access, method } = request;
      const isAlice = access.kind === "client" && access.authorization === "alice";
      return isAlice && method === "GET" ? respond(request, 429) : undefined;
    });
    const pull = (who: string) => statusOf(house.manifest(image, { access: login(who) }));
    const [, bob] = await Promise.all(["alice", "bob"].map(pull));
    expect(bob).toBe(200);
  });

  it("is asked about in one name, while another's gets 429", async () => {
    await house.manifest(image, { access: login("alice") });
    await house.manifest(image, { access: login("bob") });
    const second = corp.addImage("1", "second");
    house.upstream.fault("docker.io", (request) => {
      const { access } = request;
      const isBob = access.kind === "client" && access.authorization === "bob";
      return isBob ? respond(request, 429) : undefined;
    });
    house.later(10_000);
    expect(await outcome({ access: login("bob") })).toBe("stale");
    const asked = await house.manifest(image, { access: login("alice") });
    expect(contentOf(asked).digest).toBe(second.manifest);
  });
});

describe("a push", () => {
  const push = async (fate: WriteFate): Promise<void> => {
    const { registry, repository, reference } = manifestAsk(image);
    await (await house.pulls.writing(registry, repository, [reference]))(fate);
  };

  it("that is refused, or cannot be sent, takes nothing away", async () => {
    await house.manifest(image, { access: shared });
    await push("refused");
    expect(await outcome({ access: shared })).toBe("hit");
    house.upstream.down("docker.io");
    await push("refused");
    house.later(10_000);
    expect(await outcome({ access: shared })).toBe("stale");
  });

  it.each(["taken", "unknown"] as const)(
    "whose fate is %s makes its tag be asked about, and nothing stands in",
    async (fate) => {
      await house.manifest(image, { access: shared });
      await push(fate);
      house.later(1);
      const second = corp.addImage("1", "second");
      expect(contentOf(await house.manifest(image, { access: shared })).digest).toBe(
        second.manifest,
      );
      house.upstream.down("docker.io");
      await push(fate);
      expect(await statusOf(house.manifest(image, { access: shared }))).toBe("CONNECT");
    },
  );
});
