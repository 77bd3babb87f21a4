import { afterEach, describe, expect, it } from "vitest";
import { StoreError } from "../../src/store/store-error.ts";
import { eventually } from "../support/eventually.ts";
import {
  bodyOf,
  contentOf,
  House,
  login,
  manifestAsk,
  none,
  shared,
  statusOf,
} from "./support/house.ts";
import { members } from "./support/registries.ts";

const image = "docker.io/library/alpine:3.20";

describe("a pull", () => {
  let house = new House();
  afterEach(() => house.close());

  function start(options: ConstructorParameters<typeof House>[0] = {}) {
    house = new House(options);
    const repository = house.upstream.repository("docker.io", "library/alpine");
    return { repository, alpine: repository.addImage("3.20", "alpine") };
  }

  it("fetches manifest and blob once, and asks nobody the second time", async () => {
    const { alpine } = start();
    expect(await house.pull(image, alpine.layer)).toEqual(["miss", "miss"]);
    expect(house.upstream.log).toEqual([
      "HEAD library/alpine/manifests/3.20 200",
      "GET library/alpine/manifests/3.20 200",
      `GET library/alpine/blobs/${alpine.layer} 200`,
    ]);
    await eventually(() => expect(house.usage.count).toBe(2));
    house.upstream.forget();
    expect(await house.pull(image, alpine.layer)).toEqual(["hit", "hit"]);
    expect(await house.pull(`docker.io/library/alpine@${alpine.manifest}`, alpine.layer)).toEqual([
      "hit",
      "hit",
    ]);
    expect(house.upstream.log).toEqual([]);
  });

  it("waits for no record when it is warm", async () => {
    const { alpine } = start();
    await house.pull(image, alpine.layer);
    await eventually(() => expect(house.usage.count).toBe(2));
    await house.pulls.flush();
    house.records.get = () => Promise.reject(new Error("the records were asked"));
    expect(await house.pull(image, alpine.layer)).toEqual(["hit", "hit"]);
  });

  it("remembers everything across a restart", async () => {
    const { alpine } = start();
    await house.pull(image, alpine.layer);
    await house.close();
    const second = new House({ before: house });
    house = second;
    house.upstream.forget();
    expect(await house.pull(image, alpine.layer)).toEqual(["hit", "hit"]);
    expect(house.upstream.log).toEqual([]);
  });

  it("goes on when the records fail, and permits nothing because of it", async () => {
    const { alpine } = start();
    const failing = () => Promise.reject(new Error("no table"));
    house.records.get = failing;
    house.records.set = failing;
    expect(await house.pull(image, alpine.layer)).toEqual(["miss", "miss"]);
    expect(house.events.some(({ kind }) => kind === "recordsFailed")).toBe(true);
    const asked = house.upstream.count();
    expect(await statusOf(house.manifest("docker.io/library/other:1"))).toBe(401);
    expect(house.upstream.count()).toBeGreaterThan(asked);
  });

  it("by a fleet in the same moment is one question and one body", async () => {
    const { alpine } = start();
    const machines = Array.from({ length: 50 }, () => house.pull(image, alpine.layer));
    await Promise.all(machines);
    expect(house.upstream.count("HEAD")).toBe(1);
    expect(house.upstream.count("GET", "manifests")).toBe(1);
    expect(house.upstream.count("GET", "blobs")).toBe(1);
  });

  it("serves a public image whatever login the client has", async () => {
    const { alpine } = start();
    await house.pull(image, alpine.layer);
    await eventually(() => expect(house.usage.count).toBe(2));
    house.upstream.forget();
    for (const access of [none, shared, login("anything")])
      expect(await house.pull(image, alpine.layer, { access })).toEqual(["hit", "hit"]);
    expect(house.upstream.log).toEqual([]);
  });

  it("finds out in the background that an image pulled with a login is public", async () => {
    const { alpine } = start();
    await house.manifest(image, { access: login("alice") });
    await eventually(() =>
      expect(house.events).toContainEqual(
        expect.objectContaining({ kind: "visibilityChanged", to: "public" }),
      ),
    );
    house.upstream.forget();
    expect(contentOf(await house.manifest(image, { access: login("bob") })).outcome).toBe("hit");
    expect(house.upstream.log).toEqual([]);
    expect(alpine.manifest).toBeDefined();
  });

  it("asks about a pushed tag at once", async () => {
    const { repository } = start();
    await house.manifest(image);
    const { registry, repository: name, reference } = manifestAsk(image);
    repository.addImage("3.20", "newer");
    const end = await house.pulls.writing(registry, name, [reference]);
    await end("taken");
    const answer = contentOf(await house.manifest(image));
    expect(answer.digest).toBe(repository.tags.get("3.20"));
  });

  it("wants what clients of a manifest are about to ask for", async () => {
    const { alpine } = start();
    await bodyOf(await house.manifest(image));
    const wanted = await house.pulls.wanted();
    expect([...wanted.keys()]).toEqual([alpine.manifest, alpine.config, alpine.layer]);
    house.later(700_000);
    expect(await house.pulls.wanted()).toEqual(new Map());
  });

  it("of a blob that was evicted fetches it again", async () => {
    const { alpine } = start();
    await house.pull(image, alpine.layer);
    await eventually(() => expect(house.usage.count).toBe(2));
    await house.blobs.delete(alpine.layer);
    house.pulls.gone(alpine.layer);
    house.upstream.forget();
    expect(await house.pull(image, alpine.layer)).toEqual([
      "hit",
      expect.stringMatching(/miss|collapsed/),
    ]);
  });

  it("of a blob whose file cannot be read is fetched for the very first who asks", async () => {
    const { alpine } = start();
    await house.pull(image, alpine.layer);
    await eventually(() => expect(house.usage.count).toBe(2));
    const open = house.blobs.open.bind(house.blobs);
    house.blobs.open = async (digest) => {
      const reader = await open(digest);
      if (reader !== undefined) reader.read = () => Promise.reject(new StoreError("IO", "EIO"));
      return reader;
    };
    const name = `docker.io/library/alpine@${alpine.layer}`;
    const again = await house.blob(name);
    expect(again.outcome).toMatch(/miss|collapsed/);
    expect((await bodyOf(again)).length).toBeGreaterThan(0);
    house.blobs.open = open;
    await eventually(async () => {
      const third = await house.blob(name);
      await bodyOf(third);
      expect(third.outcome).toBe("hit");
    });
  });

  it("with a client that may have public images only never gets shared ones", async () => {
    start();
    const secret = house.upstream.repository("docker.io", "corp/app", members({ shared: true }));
    const app = secret.addImage("1", "corp");
    expect(await house.pull("docker.io/corp/app:1", app.layer, { access: shared })).toEqual([
      "miss",
      "miss",
    ]);
    const name = "docker.io/corp/app";
    const only = { access: shared, isPublicOnly: true };
    expect(await statusOf(house.manifest(`${name}:1`, only))).toBe(401);
    expect(await statusOf(house.manifest(`${name}@${app.manifest}`, only))).toBe(401);
    expect(await statusOf(house.blob(`${name}@${app.layer}`, only))).toBe(401);
  });
});
