/** Manifests by digest. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseAccept } from "../../../src/protocol/media-type.ts";
import { anonymous, contentOf, House, login, none, statusOf } from "../support/house.ts";
import { type Image, members, type Repository, respond, types } from "../support/registries.ts";

let house: House;
let repository: Repository;
let alpine: Image;
let name: string;

beforeEach(() => {
  house = new House();
  repository = house.upstream.repository("docker.io", "library/alpine");
  alpine = repository.addImage("1", "alpine");
  name = `docker.io/library/alpine@${alpine.manifest}`;
});
afterEach(() => house.close());

describe("a manifest by digest", () => {
  it("is fetched once for a crowd, and never again", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => house.manifest(name)));
    expect(new Set(answers.map(({ outcome }) => outcome))).toEqual(new Set(["miss", "collapsed"]));
    house.later(1e9);
    await visibilityRenewed();
    expect((await house.manifest(name)).outcome).toBe("hit");
    expect(house.upstream.count("GET")).toBe(1);
  });

  async function visibilityRenewed(): Promise<void> {
    await house.manifest("docker.io/library/alpine:1", { isHead: true });
  }

  it("comes with its type and bytes exactly", async () => {
    const { mediaType, source, digest } = contentOf(await house.manifest(name));
    expect([mediaType, digest, source.size]).toEqual([
      types.ociManifest,
      alpine.manifest,
      repository.manifests.get(alpine.manifest)?.bytes.length,
    ]);
  });

  it("asked for by HEAD is fetched once, and answers a HEAD and a GET from then on", async () => {
    const { source, mediaType } = contentOf(await house.manifest(name, { isHead: true }));
    expect([source.size, mediaType]).toEqual([
      repository.manifests.get(alpine.manifest)?.bytes.length,
      types.ociManifest,
    ]);
    house.upstream.down("docker.io");
    expect((await house.manifest(name, { isHead: true })).outcome).toBe("hit");
    expect((await house.manifest(name)).outcome).toBe("hit");
    expect(house.upstream.log.slice(0, 2)).toEqual([
      `GET library/alpine/manifests/${alpine.manifest} 200`,
    ]);
  });

  it("asked for by HEAD before a push is not fetched", async () => {
    const access = login("a");
    const { source } = contentOf(await house.manifest(name, { isHead: true, access }));
    expect(source.size).toBe(repository.manifests.get(alpine.manifest)?.bytes.length);
    expect(house.upstream.count("GET")).toBe(0);
  });

  it("asked for by HEAD of a registry that does not say how long it is, is fetched", async () => {
    house.upstream.fault("docker.io", (request) =>
      request.method === "HEAD" ? respond(request, 405) : undefined,
    );
    expect((await house.manifest(name, { isHead: true })).outcome).toBe("miss");
  });

  it("is asked for with the client's types too", async () => {
    await house.manifest(name, { accept: parseAccept(["application/vnd.example+json"]) });
    expect(house.upstream.seen.at(-1)?.headers.get("accept")?.[0]).toMatch(
      /oci\.image\.index.*, application\/vnd\.example\+json$/,
    );
  });

  it("is served while its registry is down, to whom it was open", async () => {
    await house.manifest(name);
    house.later(1e9);
    house.upstream.down("docker.io");
    for (const access of [none, anonymous, login("a")])
      expect((await house.manifest(name, { access })).outcome).toBe("hit");
  });

  it("that is not there is a 404, shared for two seconds", async () => {
    const missing = `docker.io/library/alpine@sha256:${"0".repeat(64)}`;
    expect(await statusOf(house.manifest(missing))).toBe(404);
    expect((await house.manifest(missing)).outcome).toBe("negative");
    expect(house.upstream.count()).toBe(1);
  });

  it("of another digest than asked for is never served", async () => {
    const other = repository.addImage(undefined, "other");
    const file = repository.manifests.get(other.manifest);
    house.upstream.fault("docker.io", (request) =>
      respond(request, 200, { "content-type": types.ociManifest }, file?.bytes),
    );
    expect(await statusOf(house.manifest(name))).toBe("PROTOCOL");
  });

  it("that a client's login opens is fetched once for several, each of whom is asked about", async () => {
    house.credential = undefined;
    const corp = house.upstream.repository(
      "docker.io",
      "corp/app",
      members({ logins: ["a", "b"] }),
    );
    const app = corp.addImage("1", "app");
    const asked = `docker.io/corp/app@${app.manifest}`;
    const pull = (who: string) => house.manifest(asked, { access: login(who) });
    const answers = await Promise.all([pull("a"), pull("b"), statusOf(pull("mallory"))]);
    expect(answers).toMatchObject([{ outcome: "miss" }, { outcome: "collapsed" }, 401]);
    expect(house.upstream.log.filter((line) => line.startsWith("GET corp"))).toEqual([
      `GET corp/app/manifests/${app.manifest} 200`,
    ]);
  });
});
