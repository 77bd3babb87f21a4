/** Manifests by tag: fresh, revalidated, stale, gone. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CacheAnswer } from "../../../src/cache/content.ts";
import { type Digest, digestOf } from "../../../src/protocol/digest.ts";
import { parseAccept } from "../../../src/protocol/media-type.ts";
import { UpstreamError, type UpstreamErrorCode } from "../../../src/upstream/upstream-error.ts";
import { eventually } from "../../support/eventually.ts";
import {
  anonymous,
  bodyOf,
  contentOf,
  House,
  login,
  none,
  shared,
  statusOf,
} from "../support/house.ts";
import {
  type Image,
  type ManifestFile,
  members,
  type Repository,
  respond,
  types,
} from "../support/registries.ts";

const ref = "docker.io/library/alpine";
const image = `${ref}:3.20`;

let house: House;
let repository: Repository;
let alpine: Image;

beforeEach(() => {
  house = new House();
  repository = house.upstream.repository("docker.io", "library/alpine");
  alpine = repository.addImage("3.20", "alpine");
});
afterEach(() => house.close());

const outcomeOf = ({ outcome }: CacheAnswer) => outcome;

/** A client that reads single images in the OCI format, and nothing else. */
const oneType = parseAccept([types.ociManifest]);

/** Moves the tag between the registry's answer to our HEAD and our GET. */
function movedAfterHead(move: () => unknown): void {
  house.upstream.fault("docker.io", ({ method }) => {
    if (method === "GET") {
      house.upstream.fault("docker.io", undefined);
      move();
    }
    return undefined;
  });
}

describe("a HEAD of a tag", () => {
  it("is no revalidation while nothing of the tag is kept", async () => {
    expect(outcomeOf(await house.manifest(image, { isHead: true }))).toBe("miss");
    expect(outcomeOf(await house.manifest(image))).toBe("miss");
    house.clock += 60_000;
    expect(outcomeOf(await house.manifest(image, { isHead: true }))).toBe("revalidated");
  });
});

describe("a tag that moves between our HEAD and our GET", () => {
  it.each(["HEAD first", "GET at once"])(
    "to a list gives a client that reads none what the registry gives it: %s",
    async (way) => {
      const converted = repository.addImage(undefined, "converted");
      if (way === "HEAD first") await house.manifest(image, { accept: oneType, isHead: true });
      movedAfterHead(() => {
        repository.addIndex("3.20", [alpine.manifest]);
        repository.convert = (accept) =>
          accept.includes("index") ? undefined : repository.manifests.get(converted.manifest);
      });
      const answer = contentOf(await house.manifest(image, { accept: oneType }));
      expect([answer.mediaType, answer.digest]).toEqual([types.ociManifest, converted.manifest]);
      const other = contentOf(await house.manifest(image));
      expect(other.mediaType).toBe(types.ociIndex);
    },
  );
});

describe("a tag whose registry is gone", () => {
  it("is never given as something that the client cannot read", async () => {
    await house.manifest(image);
    await bodyOf(await house.manifest(image));
    const index = repository.addIndex("3.20", [alpine.manifest]);
    house.later(10_000);
    await house.manifest(image, { accept: parseAccept([types.ociIndex]) });
    const newer = repository.addImage("3.20", "newer");
    house.later(10_000);
    await house.manifest(image, { accept: oneType, isHead: true });
    expect(index).not.toBe(newer.manifest);
    house.upstream.down("docker.io");
    house.later(10_000);
    // The newest is known by name alone, and the list before it is nothing for this client.
    expect(await statusOf(house.manifest(image, { accept: oneType }))).toBe("CONNECT");
    const other = contentOf(await house.manifest(image));
    expect([other.outcome, other.digest]).toEqual(["stale", index]);
  });

  it("is given by HEAD to who only ever asked for it by HEAD", async () => {
    await house.manifest(image, { isHead: true });
    house.upstream.down("docker.io");
    house.later(10_000);
    const answer = contentOf(await house.manifest(image, { isHead: true }));
    expect([answer.outcome, answer.digest]).toEqual(["stale", alpine.manifest]);
    expect(await statusOf(house.manifest(image))).toBe("CONNECT");
  });

  it.each([408, 425, 429, 500, 503])("is stale while it answers %d", async (status) => {
    await bodyOf(await house.manifest(image));
    house.later(10_000);
    house.upstream.fault("docker.io", (request) => respond(request, status));
    expect(outcomeOf(await house.manifest(image))).toBe("stale");
  });
});

describe("an artifact whose clients never fetch its empty config", () => {
  it("is given through a mirror while its registry is gone, config and all", async () => {
    const config = repository.addBlob(Buffer.from("{}"));
    const layer = repository.addBlob(Buffer.from("a chart"));
    const describeBlob = (digest: Digest, length: number, mediaType: string) => ({
      ...{ digest, mediaType, size: length },
    });
    const manifest = {
      ...{ schemaVersion: 2, mediaType: types.ociManifest },
      config: describeBlob(config, 2, "application/vnd.oci.empty.v1+json"),
      layers: [describeBlob(layer, 7, "application/x-chart")],
    };
    repository.addManifest(manifest, types.ociManifest, "chart");
    const mirror = { isMirror: true };
    expect(await house.pull(`${ref}:chart`, layer, mirror)).toEqual(["miss", "miss"]);
    await eventually(() => expect(house.usage.has(layer)).toBe(true));
    house.upstream.down("docker.io");
    house.later(10_000);
    expect(outcomeOf(await house.manifest(`${ref}:chart`, mirror))).toBe("stale");
    const empty = await house.blob(`${ref}@${config}`, mirror);
    expect((await bodyOf(empty)).toString()).toBe("{}");
  });

  it("says nothing of that config to a push that the registry can answer", async () => {
    const empty = digestOf(Buffer.from("{}"));
    const head = { isHead: true, access: login("alice") };
    expect(await statusOf(house.blob(`${ref}@${empty}`, head))).toBe(404);
  });
});

describe("a tag", () => {
  it("is asked about with HEAD once its time is over, and its body is not fetched again", async () => {
    await house.manifest(image);
    house.upstream.forget();
    house.later(9_999);
    const hit = contentOf(await house.manifest(image));
    expect([hit.outcome, hit.age]).toEqual(["hit", 9]);
    house.later(1);
    const confirmed = contentOf(await house.manifest(image));
    expect([confirmed.outcome, confirmed.age]).toEqual(["revalidated", 0]);
    expect(house.upstream.log).toEqual(["HEAD library/alpine/manifests/3.20 200"]);
  });

  it("keeps the media type exactly as it came", async () => {
    const type = "application/vnd.oci.image.manifest.v1+json; charset=utf-8";
    repository.addManifest(
      {
        schemaVersion: 2,
        x: 1,
        config: { mediaType: "a/b", digest: alpine.config, size: 1 },
        layers: [],
      },
      type,
      "odd",
    );
    expect(contentOf(await house.manifest(`${ref}:odd`)).mediaType).toBe(type);
    expect(contentOf(await house.manifest(`${ref}:odd`)).mediaType).toBe(type);
  });

  it("that moved gives the new image, and says so once", async () => {
    await house.manifest(image);
    const newer = repository.addImage("3.20", "newer");
    expect(contentOf(await house.manifest(image)).digest).toBe(alpine.manifest);
    house.later(10_000);
    const moved = contentOf(await house.manifest(image));
    expect([moved.digest, moved.outcome]).toEqual([newer.manifest, "miss"]);
    expect(house.events.filter(({ kind }) => kind === "tagMoved")).toEqual([
      expect.objectContaining({ from: alpine.manifest, to: newer.manifest }),
    ]);
  });

  it("is asked about at once for a client that says no-cache", async () => {
    await house.manifest(image);
    house.upstream.forget();
    expect(outcomeOf(await house.manifest(image, { noCache: true }))).toBe("revalidated");
    expect(house.upstream.log).toEqual(["HEAD library/alpine/manifests/3.20 200"]);
  });

  it("asked for by HEAD costs no body, and the GET after it no second HEAD", async () => {
    const head = contentOf(await house.manifest(image, { isHead: true }));
    expect(head.source.size).toBe(repository.manifests.get(alpine.manifest)?.bytes.length);
    await house.manifest(image);
    expect(house.upstream.log).toEqual([
      "HEAD library/alpine/manifests/3.20 200",
      "GET library/alpine/manifests/3.20 200",
    ]);
  });

  it.each([
    ["immutable", { immutable: true }, 1e9, 0],
    ["no-cache", { noCache: true }, 0, 1],
    ["of another time to live", { ttl: 60_000 }, 59_000, 0],
  ])("%s by a rule", async (_, rule, milliseconds, asked) => {
    const ruled = new House({ tagRules: [{ repository: "library/*", ...rule }] });
    ruled.upstream.repository("docker.io", "library/alpine").addImage("3.20", "alpine");
    await ruled.manifest(image);
    ruled.upstream.forget();
    ruled.later(Math.min(milliseconds, 3_599_000));
    await ruled.manifest(image);
    expect(ruled.upstream.count("HEAD")).toBe(asked);
    await ruled.close();
  });

  it("of one registry is not that of another", async () => {
    const other = house.upstream.repository("ghcr.io", "library/alpine").addImage("3.20", "other");
    expect(contentOf(await house.manifest(image)).digest).toBe(alpine.manifest);
    expect(contentOf(await house.manifest("ghcr.io/library/alpine:3.20")).digest).toBe(
      other.manifest,
    );
  });

  it("that is not there is asked about once in two seconds for each Accept set and credential", async () => {
    const ask = (change = {}) => house.manifest(`${ref}:none`, change);
    expect(await statusOf(ask())).toBe(404);
    const asked = house.upstream.count();
    expect(outcomeOf(await ask())).toBe("negative");
    expect(await statusOf(ask())).toBe(404);
    expect(house.upstream.count()).toBe(asked);
    await ask({ accept: parseAccept(["application/vnd.oci.image.index.v1+json"]) });
    await ask({ access: shared });
    expect(house.upstream.count()).toBe(asked * 3);
    repository.addImage("none", "there now");
    house.later(2_000);
    expect(await statusOf(ask())).toBe(200);
  });

  it("whose answer is a login page is passed on and not kept", async () => {
    house.upstream.fault("docker.io", (request) =>
      respond(request, 200, { "content-type": "text/html" }, Buffer.from("<html>log in</html>")),
    );
    const answer = await house.manifest(image);
    expect([answer.kind, answer.outcome]).toEqual(["passed", "bypass"]);
    expect((await bodyOf(answer)).toString()).toContain("log in");
    house.upstream.fault("docker.io", undefined);
    expect(contentOf(await house.manifest(image)).digest).toBe(alpine.manifest);
  });

  it("whose bytes are not those of the digest declared is not believed", async () => {
    const fields = {
      "content-type": types.ociManifest,
      "docker-content-digest": alpine.manifest,
    };
    const wrong = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        config: { mediaType: "a/b", digest: alpine.config, size: 1 },
      }),
    );
    house.upstream.fault("docker.io", (request) => respond(request, 200, fields, wrong));
    expect(await statusOf(house.manifest(image))).toBe("PROTOCOL");
    house.upstream.fault("docker.io", (request) =>
      respond(request, 200, fields, Buffer.alloc(4 * 1024 * 1024 + 1)),
    );
    await expect(house.manifest(image).then(bodyOf)).rejects.toMatchObject({ code: "PROTOCOL" });
  });
});

describe("a registry whose HEAD decides nothing", () => {
  it.each([400, 404, 405, 501, 200])(
    "(%i): GET with If-None-Match decides, for a day",
    async (status) => {
      house.upstream.fault("docker.io", (request) =>
        request.method === "HEAD"
          ? respond(request, status, { "content-type": types.ociManifest })
          : undefined,
      );
      await house.manifest(image);
      expect(house.upstream.log.map((line) => line.split(" ")[0])).toEqual(["HEAD", "GET"]);
      house.upstream.forget();
      house.later(10_000);
      expect(outcomeOf(await house.manifest(image))).toBe("revalidated");
      expect(house.upstream.log).toEqual(["GET library/alpine/manifests/3.20 304"]);
      house.upstream.forget();
      house.later(86_400_000);
      await house.manifest(image);
      expect(house.upstream.log[0]).toMatch(/^HEAD/);
    },
  );
});

describe("what is known of a tag", () => {
  const failures: readonly [string, number | UpstreamErrorCode][] = [
    ["429", 429],
    ["500", 500],
    ["502", 502],
    ["503", 503],
    ["a timeout", "TIMEOUT"],
    ["no name", "DNS"],
    ["a bad certificate", "TLS"],
    ["a refused connection", "CONNECT"],
    ["a reset", "RESET"],
    ["a host known to be down", "DOWN"],
  ];

  function fail(how: number | UpstreamErrorCode): void {
    if (typeof how === "string") house.upstream.down("docker.io", how);
    else
      house.upstream.fault("docker.io", (request) => respond(request, how, { "retry-after": "7" }));
  }

  it.each(failures)("stands in after %s, marked", async (_, how) => {
    await house.manifest(image);
    house.later(20_000);
    fail(how);
    for (const change of [{}, { access: none }, { access: shared }, { noCache: true }]) {
      const answer = contentOf(await house.manifest(image, change));
      expect([answer.digest, answer.outcome, answer.age]).toEqual([alpine.manifest, "stale", 20]);
      expect(answer.warning).toMatch(/docker\.io cannot be asked/);
      expect((await bodyOf(answer)).length).toBeGreaterThan(0);
    }
    house.later(86_400_000);
    expect(await statusOf(house.manifest(image))).toBe(how);
  });

  it.each([401, 403, 404])("never stands in after %i", async (status) => {
    await house.manifest(image);
    house.later(20_000);
    fail(status);
    for (const access of [anonymous, none])
      expect(await statusOf(house.manifest(image, { access }))).toBe(status);
    if (status !== 404) return;
    house.upstream.down("docker.io");
    house.later(3_000);
    expect(await statusOf(house.manifest(image))).toBe("CONNECT");
  });

  it("is asked for briefly, and a failing registry is left in peace for seconds", async () => {
    await house.manifest(image);
    house.later(20_000);
    house.upstream.forget();
    fail(503);
    for (let machine = 0; machine < 100; machine += 1) await house.manifest(image);
    expect(house.upstream.count()).toBe(1);
    expect(house.upstream.seen[0]?.patience).toBe("brief");
    house.later(5_000);
    house.upstream.fault("docker.io", undefined);
    expect(outcomeOf(await house.manifest(image))).toBe("revalidated");
  });

  it("is brought up to date behind the client's back when the registry is only slow", async () => {
    await house.manifest(image);
    const newer = repository.addImage("3.20", "newer");
    house.later(20_000);
    house.upstream.fault("docker.io", ({ patience }) => {
      const slow = new UpstreamError("TIMEOUT", "docker.io", "no headers in 2 s");
      return patience === "brief" ? slow : undefined;
    });
    expect(outcomeOf(await house.manifest(image))).toBe("stale");
    await eventually(async () =>
      expect(contentOf(await house.manifest(image)).digest).toBe(newer.manifest),
    );
  });

  it("is the last image that can be served, when the new one's body is refused by a 429", async () => {
    await house.manifest(image);
    repository.addImage("3.20", "newer");
    house.later(20_000);
    house.upstream.fault("docker.io", (request) =>
      request.method === "GET" ? respond(request, 429) : undefined,
    );
    const answer = contentOf(await house.manifest(image));
    expect([answer.digest, answer.outcome]).toEqual([alpine.manifest, "stale"]);
    expect(contentOf(await house.manifest(image)).digest).toBe(alpine.manifest);
  });

  it("is passed on as an error where nothing is known, with its Retry-After", async () => {
    fail(429);
    const answer = await house.manifest(image);
    if (answer.kind !== "passed") throw new TypeError(answer.kind);
    expect(answer.response.status).toBe(429);
    expect(answer.response.headers.get("retry-after")).toEqual(["7"]);
    expect(JSON.parse((await bodyOf(answer)).toString())).toMatchObject({
      errors: [{ code: "TOOMANYREQUESTS" }],
    });
  });

  it("is served stale through a mirror only when all of the image is kept", async () => {
    await house.manifest(image);
    house.later(20_000);
    house.upstream.down("docker.io");
    expect(await statusOf(house.manifest(image, { isMirror: true }))).toBe("UNAVAILABLE");
    house.upstream.fault("docker.io", undefined);
    house.later(6_000);
    await house.pull(image, alpine.layer);
    await house.pull(image, alpine.config);
    await eventually(() => expect(house.usage.count).toBe(3));
    house.later(20_000);
    house.upstream.down("docker.io");
    expect(outcomeOf(await house.manifest(image, { isMirror: true }))).toBe("stale");
  });

  it("of an index through a mirror needs all of one image of it", async () => {
    const arm = repository.addImage(undefined, "arm");
    repository.addIndex("all", [arm.manifest, alpine.manifest]);
    await house.manifest(`${ref}:all`);
    await house.pull(`${ref}@${alpine.manifest}`, alpine.layer);
    await house.pull(`${ref}@${alpine.manifest}`, alpine.config);
    await eventually(() => expect(house.usage.count).toBe(4));
    house.later(20_000);
    house.upstream.down("docker.io");
    expect(outcomeOf(await house.manifest(`${ref}:all`, { isMirror: true }))).toBe("stale");
  });
});

describe("a client that cannot read what the registry has", () => {
  const old = parseAccept([types.dockerManifest]);
  const arm = parseAccept([types.dockerManifest, "application/json"]);

  function convert(): ManifestFile {
    repository.addIndex("3.20", [alpine.manifest]);
    const bytes = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: types.dockerManifest,
        config: { mediaType: "a/b", digest: alpine.config, size: 1 },
        layers: [],
      }),
    );
    const converted = { bytes, mediaType: types.dockerManifest };
    repository.convert = (accept) => (accept.includes("index") ? undefined : converted);
    return converted;
  }

  it("gets the registry's conversion, kept for its Accept set alone", async () => {
    const { mediaType } = convert();
    expect(contentOf(await house.manifest(image, { accept: old })).mediaType).toBe(mediaType);
    expect(contentOf(await house.manifest(image)).mediaType).toBe(types.ociIndex);
    house.upstream.forget();
    expect(contentOf(await house.manifest(image, { accept: old })).outcome).toBe("hit");
    expect(contentOf(await house.manifest(image)).outcome).toBe("hit");
    expect(house.upstream.log).toEqual([]);
    // The set of another client is another question, whatever it accepts.
    expect(contentOf(await house.manifest(image, { accept: arm })).mediaType).toBe(mediaType);
    expect(house.upstream.count("HEAD")).toBe(1);
  });

  it("gets its own conversion stale", async () => {
    const { mediaType } = convert();
    await house.manifest(image, { accept: old });
    house.later(20_000);
    house.upstream.down("docker.io");
    const answer = contentOf(await house.manifest(image, { accept: old }));
    expect([answer.mediaType, answer.outcome]).toEqual([mediaType, "stale"]);
    expect(await statusOf(house.manifest(image, { accept: arm }))).toBe("CONNECT");
  });

  it("gets signed schema 1 passed through, unkept", async () => {
    const signed = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    repository.addManifest({ schemaVersion: 1, name: "old" }, signed, "old");
    const answer = await house.manifest(`${ref}:old`);
    expect([answer.kind, answer.outcome]).toEqual(["passed", "bypass"]);
    expect((await bodyOf(answer)).toString()).toContain('"old"');
    expect(await house.blobs.stat(repository.tags.get("old") ?? alpine.layer)).toBeUndefined();
  });
});

describe("a private tag", () => {
  it("is nobody's whom its registry shows a login page with status 200", async () => {
    const door = members({ logins: ["alice"] });
    const corp = house.upstream.repository("docker.io", "corp/app", door);
    const { manifest } = corp.addImage("1", "app");
    house.credential = undefined;
    await bodyOf(await house.manifest("docker.io/corp/app:1", { access: login("alice") }));
    const page = { "content-type": "text/html" };
    house.upstream.fault("docker.io", (request) =>
      respond(request, 200, page, Buffer.from("<html>log in</html>")),
    );
    house.later(61_000);
    for (const access of [anonymous, none, login("mallory"), none]) {
      const answer = await house.manifest("docker.io/corp/app:1", { access });
      expect((await bodyOf(answer)).toString()).toContain("log in");
      const byDigest = house.manifest(`docker.io/corp/app@${manifest}`, { access });
      expect(await statusOf(byDigest)).toBe("PROTOCOL");
    }
  });

  it("is fetched once for clients that ask together, each in a name of its own", async () => {
    const door = members({ logins: ["alice", "bob"] });
    house.upstream.repository("docker.io", "corp/app", door).addImage("1", "app");
    house.credential = undefined;
    const pull = (who: string) =>
      statusOf(house.manifest("docker.io/corp/app:1", { access: login(who) }));
    expect(await Promise.all(["alice", "bob", "mallory"].map(pull))).toEqual([200, 200, 401]);
    expect(house.upstream.log.filter((line) => line.startsWith("GET"))).toEqual([
      "GET corp/app/manifests/1 200",
    ]);
  });

  it("is revalidated in the name of each client, and moved for all", async () => {
    const door = members({ logins: ["alice", "bob"] });
    const corp = house.upstream.repository("docker.io", "corp/app", door);
    house.credential = undefined;
    corp.addImage("1", "app");
    await house.manifest("docker.io/corp/app:1", { access: login("alice") });
    house.upstream.forget();
    expect(outcomeOf(await house.manifest("docker.io/corp/app:1", { access: login("bob") }))).toBe(
      "revalidated",
    );
    expect(house.upstream.log).toEqual(["HEAD corp/app/manifests/1 200"]);
    expect(outcomeOf(await house.manifest("docker.io/corp/app:1", { access: login("bob") }))).toBe(
      "hit",
    );
  });
});
