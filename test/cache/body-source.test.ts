/** From where the bytes of an answer came: for the figures, and for what a pull saved. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { bodySourceOf, type CacheAnswer } from "../../src/cache/content.ts";
import { bodyOf, House, login, statusOf } from "./support/house.ts";
import { type Image, members, type Repository } from "./support/registries.ts";

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

/** Reads it all, as a client does. */
async function sourceOf(work: Promise<CacheAnswer>): Promise<string | undefined> {
  const answer = await work;
  const source = bodySourceOf(answer);
  await bodyOf(answer);
  return source;
}

/** So many clients in the same second. */
async function herd(pull: () => Promise<CacheAnswer>, size = 8): Promise<(string | undefined)[]> {
  const sources = await Promise.all(Array.from({ length: size }, () => sourceOf(pull())));
  return sources.sort();
}

const oneUpstream = [...Array<string>(7).fill("shared"), "upstream"];

it("eight clients who pull one cold tag at once: one from upstream, seven from what came for it", async () => {
  expect(await herd(() => house.manifest(image))).toEqual(oneUpstream);
});

it("eight clients who pull one cold manifest by digest at once", async () => {
  expect(await herd(() => house.manifest(`${ref}@${alpine.manifest}`))).toEqual(oneUpstream);
});

it("eight clients who pull one cold blob at once", async () => {
  await house.manifest(image);
  expect(await herd(() => house.blob(`${ref}@${alpine.layer}`))).toEqual(oneUpstream);
});

it("eight clients with logins of their own, let in one by one, who pull one cold tag at once", async () => {
  const names = ["ann", "bob", "cid", "dan", "eve", "fay", "gus", "hal"];
  repository.door = members({ logins: names });
  const left = [...names];
  const pull = () => house.manifest(image, { access: login(left.pop() ?? "") });
  expect(await herd(pull)).toEqual(oneUpstream);
});

it("a warm tag comes from memory, a warm blob from the disk", async () => {
  await house.pull(image, alpine.layer);
  expect(await sourceOf(house.manifest(image))).toBe("memory");
  expect(await sourceOf(house.blob(`${ref}@${alpine.layer}`))).toBe("disk");
});

it("what stands in for a registry that is away comes from memory, also the empty blob nobody fetched", async () => {
  const empty = repository.addBlob(Buffer.alloc(0));
  await house.pull(image, alpine.layer);
  house.later(60_000);
  house.upstream.down("docker.io");
  expect(await sourceOf(house.manifest(image))).toBe("memory");
  expect(await sourceOf(house.blob(`${ref}@${empty}`))).toBe("memory");
});

it("an answer that there is none is no content", async () => {
  expect(await statusOf(house.manifest(`${ref}:none`))).toBe(404);
  expect(await sourceOf(house.manifest(`${ref}:none`))).toBeUndefined();
});

it("a kept blob says which file it is in", async () => {
  await house.pull(image, alpine.layer);
  const kept = await house.blob(`${ref}@${alpine.layer}`);
  expect(kept).toMatchObject({ source: { place: { kind: "file", identity: expect.any(String) } } });
  await bodyOf(kept);
});

it("a blob that is being fetched says how far it is", async () => {
  const coming = await house.blob(`${ref}@${alpine.layer}`);
  expect(coming).toMatchObject({
    source: { place: { kind: "growing", blob: { progress: { written: expect.any(Number) } } } },
  });
  await bodyOf(coming);
});
