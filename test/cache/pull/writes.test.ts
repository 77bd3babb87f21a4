/** What somebody deletes or pushes through the proxy is not served as it was before, for nobody and in no way. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { WriteFate } from "../../../src/cache/pull/writes.ts";
import type { Digest } from "../../../src/protocol/digest.ts";
import { eventually } from "../../support/eventually.ts";
import { blobAsk, bodyOf, contentOf, House, manifestAsk, statusOf } from "../support/house.ts";
import type { Image, Repository } from "../support/registries.ts";

const name = "docker.io/library/alpine";
const other = "docker.io/team/app";

let house: House;
let repository: Repository;
let alpine: Image;

beforeEach(async () => {
  house = new House();
  repository = house.upstream.repository("docker.io", "library/alpine");
  alpine = repository.addImage("3.20", "alpine");
  repository.tags.set("latest", alpine.manifest);
  for (const tag of ["3.20", "latest"]) await house.pull(`${name}:${tag}`, alpine.layer);
  await eventually(() => expect(house.usage.count).toBe(2));
  house.later(1);
});
afterEach(() => house.close());

/** As a DELETE through the proxy, that the registry answers with 202. */
async function remove(digest: Digest, fate: WriteFate = "taken"): Promise<void> {
  const { registry, repository: where } = manifestAsk(`${name}:3.20`);
  const end = await house.pulls.writing(registry, where, [{ kind: "digest", digest }]);
  if (fate !== "refused") {
    repository.manifests.delete(digest);
    repository.blobs.delete(digest);
    for (const [tag, meaning] of repository.tags)
      if (meaning === digest) repository.tags.delete(tag);
  }
  await end(fate);
}

const everyWay = () => [
  house.manifest(`${name}@${alpine.manifest}`),
  house.manifest(`${name}@${alpine.manifest}`, { isHead: true }),
  house.manifest(`${name}:3.20`),
  house.manifest(`${name}:latest`),
  house.manifest(`${name}:3.20`, { isHead: true }),
];

const statuses = (asks: ReturnType<typeof everyWay>) => Promise.all(asks.map(statusOf));

describe("a manifest that was deleted", () => {
  it("is gone at once, by its digest and by every tag on it", async () => {
    expect(await statuses(everyWay())).toEqual([200, 200, 200, 200, 200]);
    await remove(alpine.manifest);
    expect(await statuses(everyWay())).toEqual([404, 404, 404, 404, 404]);
  });

  it("stays gone while its registry is down, and after a restart", async () => {
    await remove(alpine.manifest);
    house.upstream.down("docker.io");
    expect(new Set(await statuses(everyWay()))).toEqual(new Set(["CONNECT"]));
    await house.close();
    house = new House({ before: house });
    expect(new Set(await statuses(everyWay()))).toEqual(new Set(["CONNECT"]));
  });

  it("is there again once it was pushed again", async () => {
    const file = repository.manifests.get(alpine.manifest);
    await remove(alpine.manifest);
    house.later(1);
    if (file !== undefined) repository.addManifest(file.bytes, file.mediaType, "3.20");
    expect(contentOf(await house.manifest(`${name}:3.20`)).digest).toBe(alpine.manifest);
    house.upstream.forget();
    expect(contentOf(await house.manifest(`${name}:3.20`)).outcome).toBe("hit");
    expect(house.upstream.log).toEqual([]);
  });

  it("is still served where the registry refused", async () => {
    await remove(alpine.manifest, "refused");
    house.upstream.down("docker.io");
    expect(await statuses(everyWay())).toEqual([200, 200, 200, 200, 200]);
  });
});

describe("a blob that was deleted", () => {
  it("is gone from its repository, and from no other", async () => {
    const app = house.upstream.repository("docker.io", "team/app");
    app.addImage("1", "alpine");
    await house.pull(`${other}:1`, alpine.layer);
    await remove(alpine.layer);
    expect(await statusOf(house.blob(`${name}@${alpine.layer}`))).toBe(404);
    house.upstream.forget();
    const kept = await house.blob(`${other}@${alpine.layer}`);
    expect([kept.outcome, (await bodyOf(kept)).length > 0]).toEqual(["hit", true]);
    expect(house.upstream.log).toEqual([]);
  });

  it("is not there again because somebody was pulling it", async () => {
    const { layer } = repository.addImage("2", "second");
    const gate = Promise.withResolvers<void>();
    house.upstream.gate = gate.promise;
    const pulling = house.blob(`${name}@${layer}`).then(bodyOf);
    await eventually(() => expect(house.upstream.count("GET", layer)).toBe(1));
    const { registry, repository: where } = blobAsk(`${name}@${layer}`);
    const end = await house.pulls.writing(registry, where, [{ kind: "digest", digest: layer }]);
    house.upstream.gate = undefined;
    gate.resolve();
    await pulling;
    repository.blobs.delete(layer);
    await end("taken");
    await eventually(() => expect(house.usage.has(layer)).toBe(true));
    expect(await statusOf(house.blob(`${name}@${layer}`))).toBe(404);
  });

  it("is not remembered as missing from before its push", async () => {
    const bytes = Buffer.from("to be pushed");
    const digest = repository.addBlob(bytes);
    repository.blobs.delete(digest);
    const gate = Promise.withResolvers<void>();
    house.upstream.gate = gate.promise;
    const asking = statusOf(house.blob(`${name}@${digest}`));
    await eventually(() => expect(house.upstream.count("GET", digest)).toBe(1));
    const { registry, repository: where } = blobAsk(`${name}@${digest}`);
    const end = await house.pulls.writing(registry, where, [{ kind: "digest", digest }]);
    await end("taken");
    house.upstream.gate = undefined;
    gate.resolve();
    expect(await asking).toBe(404);
    repository.addBlob(bytes);
    expect((await bodyOf(await house.blob(`${name}@${digest}`))).equals(bytes)).toBe(true);
  });
});
