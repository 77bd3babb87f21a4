/** What a registry, or whoever is on the way, does to a manifest never reaches a client as a complete answer. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Digest, digestOf } from "../../../src/protocol/digest.ts";
import { bodyOf, contentOf, House, statusOf } from "../support/house.ts";
import { type Image, type Repository, respond, types } from "../support/registries.ts";

const name = "docker.io/library/alpine";
const mib = 1024 * 1024;

let house: House;
let repository: Repository;
let alpine: Image;
let bytes: Buffer;

beforeEach(() => {
  house = new House();
  repository = house.upstream.repository("docker.io", "library/alpine");
  alpine = repository.addImage("3.20", "alpine");
  bytes = repository.manifests.get(alpine.manifest)?.bytes ?? Buffer.alloc(0);
});
afterEach(() => house.close());

type Fields = Readonly<Record<string, string | undefined>>;

/** Every GET of a manifest is answered so; a HEAD as ever. */
function answerGetsWith(body: Buffer, fields: Fields): void {
  house.upstream.fault("docker.io", (request) =>
    request.method === "GET" ? respond(request, 200, fields, body) : undefined,
  );
}

const flipped = (whole: Buffer): Buffer => {
  const copy = Buffer.from(whole);
  copy[copy.length >> 1] = (copy[copy.length >> 1] ?? 0) ^ 1;
  return copy;
};

const damages: readonly [string, (whole: Buffer) => Buffer, string][] = [
  ["a flipped bit", flipped, types.ociManifest],
  ["half of it", (whole) => whole.subarray(0, whole.length >> 1), types.ociManifest],
  ["nothing", () => Buffer.alloc(0), types.ociManifest],
  ["a login page", () => Buffer.from("<html>log in</html>"), "text/html"],
  ["a flipped bit in an unknown type", flipped, "text/plain"],
];

describe.each(damages)("%s where a manifest should be", (_, damage, type) => {
  it("is no answer to who asked by digest", async () => {
    answerGetsWith(damage(bytes), { "content-type": type });
    expect(await statusOf(house.manifest(`${name}@${alpine.manifest}`))).toBe("PROTOCOL");
  });

  it("is no answer to who asked by a tag whose digest the registry named", async () => {
    answerGetsWith(damage(bytes), {
      "content-type": type,
      "docker-content-digest": alpine.manifest,
    });
    expect(await statusOf(house.manifest(`${name}:3.20`))).toBe("PROTOCOL");
  });

  it("does not replace what is kept of the tag", async () => {
    await bodyOf(await house.manifest(`${name}:3.20`));
    const { manifest } = repository.addImage("3.20", "newer");
    house.later(10_000);
    const digest = type === "text/html" ? undefined : manifest;
    answerGetsWith(damage(bytes), { "content-type": type, "docker-content-digest": digest });
    const stale = contentOf(await house.manifest(`${name}:3.20`));
    expect([stale.outcome, stale.digest]).toEqual(["stale", alpine.manifest]);
    house.upstream.fault("docker.io", undefined);
    house.later(10_000);
    const newer = contentOf(await house.manifest(`${name}:3.20`));
    expect(newer.digest).toBe(repository.tags.get("3.20"));
  });
});

describe("an error with status 200", () => {
  it.each(["application/json", "text/html"])(
    "of type %s becomes no tag's meaning",
    async (type) => {
      await bodyOf(await house.manifest(`${name}:3.20`));
      house.later(10_000);
      const error = Buffer.from('{"errors":[{"code":"UNKNOWN"}]}');
      house.upstream.fault("docker.io", (request) =>
        respond(request, 200, { "content-type": type }, error),
      );
      const stale = contentOf(await house.manifest(`${name}:3.20`));
      expect([stale.outcome, stale.digest]).toEqual(["stale", alpine.manifest]);
      expect(stale.warning).toMatch(/answers with what is no manifest; this is what 3\.20 meant/);
      // Who can be given nothing better gets it as the registry gave it, each time anew.
      const other = await house.manifest(`${name}:unknown`);
      expect([other.kind, (await bodyOf(other)).toString()]).toEqual(["passed", error.toString()]);
      house.upstream.fault("docker.io", undefined);
      expect(contentOf(await house.manifest(`${name}:3.20`)).digest).toBe(alpine.manifest);
    },
  );
});

/** As docker-registry writes it: the payload, with the signatures put in before its last brace. */
function signedManifest(change: (payload: string) => string = (payload) => payload) {
  const payload = '{\n   "schemaVersion": 1,\n   "name": "library/alpine"\n}';
  const formatLength = payload.length - 2;
  const header = { formatLength, formatTail: Buffer.from("\n}").toString("base64url") };
  const signature = { protected: Buffer.from(JSON.stringify(header)).toString("base64url") };
  const signatures = `,\n   "signatures": [${JSON.stringify(signature)}]\n}`;
  const body = Buffer.from(change(payload.slice(0, formatLength)) + signatures);
  return { body, digest: digestOf(Buffer.from(payload)) };
}

describe("a signed schema 1 manifest", () => {
  const type = "application/vnd.docker.distribution.manifest.v1+prettyjws";
  const answerWith = (body: Buffer, digest: Digest): void =>
    house.upstream.fault("docker.io", (request) =>
      respond(request, 200, { "content-type": type, "docker-content-digest": digest }, body),
    );

  it.each(["tag", "digest"])(
    "is passed on by %s when its payload is right, and not kept",
    async (by) => {
      const { body, digest } = signedManifest();
      answerWith(body, digest);
      const image = by === "tag" ? `${name}:old` : `${name}@${digest}`;
      for (let round = 0; round < 2; round += 1) {
        const answer = await house.manifest(image);
        expect([answer.kind, (await bodyOf(answer)).equals(body)]).toEqual(["passed", true]);
      }
    },
  );

  it.each(["tag", "digest"])("is no answer by %s when its payload is another", async (by) => {
    const { body, digest } = signedManifest((payload) => payload.replace("alpine", "ubuntu"));
    answerWith(body, digest);
    const image = by === "tag" ? `${name}:old` : `${name}@${digest}`;
    expect(await statusOf(house.manifest(image))).toBe("PROTOCOL");
  });
});

describe("a manifest of more than 4 MiB", () => {
  const large = Buffer.from(JSON.stringify({ schemaVersion: 2, filler: "x".repeat(5 * mib) }));
  const digest = digestOf(large);
  const fields = { "content-type": types.ociIndex, "docker-content-digest": digest };

  it.each([`${name}:3.20`, `${name}@${digest}`])(
    "is passed on whole as %s, and not kept",
    async (image) => {
      house.upstream.fault("docker.io", (request) => respond(request, 200, fields, large));
      const answer = await house.manifest(image);
      expect([answer.kind, (await bodyOf(answer)).equals(large)]).toEqual(["passed", true]);
      expect(house.usage.count).toBe(0);
    },
  );

  it.each([`${name}:3.20`, `${name}@${digest}`])(
    "is cut before its end as %s when it is damaged",
    async (image) => {
      house.upstream.fault("docker.io", (request) => respond(request, 200, fields, flipped(large)));
      const answer = await house.manifest(image);
      if (answer.kind !== "passed") throw new TypeError("it was kept");
      let received = 0;
      const read = async (): Promise<void> => {
        for await (const piece of answer.response.body) received += piece.length;
      };
      await expect(read()).rejects.toMatchObject({ code: "PROTOCOL" });
      expect(received).toBeLessThanOrEqual(large.length - 64 * 1024);
    },
  );
});
