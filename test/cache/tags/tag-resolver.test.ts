import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RepositoryBlobs } from "../../../src/cache/access/repository-blobs.ts";
import type { CacheEvent } from "../../../src/cache/cache-event.ts";
import { Manifests } from "../../../src/cache/keeping/manifests.ts";
import { Generations } from "../../../src/cache/repository-ref.ts";
import { TagRules } from "../../../src/cache/tags/freshness.ts";
import { PullQuota } from "../../../src/cache/tags/pull-quota.ts";
import { TagAsks } from "../../../src/cache/tags/tag-asks.ts";
import {
  type TagQuestion,
  TagResolver,
  type TagResolverOptions,
} from "../../../src/cache/tags/tag-resolver.ts";
import { native } from "../../../src/cache/tags/tag-state.ts";
import { Tags } from "../../../src/cache/tags/tags.ts";
import { parseAccept } from "../../../src/protocol/media-type.ts";
import { MemoryBlobStore } from "../../support/memory-blob-store.ts";
import { MemoryRecordStore } from "../../support/memory-record-store.ts";
import { noBooks } from "../../support/no-books.ts";
import { anonymous, login, manifestAsk, modern } from "../support/house.ts";
import { everybody, Registries, type Repository, types } from "../support/registries.ts";

let now = 0;
let upstream: Registries;
let repository: Repository;
let generations: Generations;
let tags: Tags;
let resolver: TagResolver;
let events: CacheEvent[];
/** The operator's credential is refused. */
let isBroken: boolean;

beforeEach(() => {
  now = 0;
  isBroken = false;
  events = [];
  upstream = new Registries();
  repository = upstream.repository("docker.io", "library/alpine", everybody);
  repository.addImage("1", "alpine");
  const records = new MemoryRecordStore();
  const observe = (event: CacheEvent): void => void events.push(event);
  const clock = (): number => now;
  const quota = new PullQuota(observe, clock);
  generations = new Generations();
  tags = new Tags({
    records,
    rules: new TagRules([], 10_000),
    quota,
    generations,
    observe,
    now: clock,
  });
  const blobs = new MemoryBlobStore();
  const manifests = new Manifests({
    books: noBooks,
    blobs,
    drafts: blobs,
    records,
    usage: { used: () => undefined },
    observe,
    now: clock,
  });
  const repositoryBlobs = new RepositoryBlobs({
    records,
    observe,
    isPublic: async () => false,
    generations,
    now: () => 0,
  });
  const asks = new TagAsks({ client: upstream, quota, now: clock });
  const speaksForAll: TagResolverOptions["speaksForAll"] = async (_, { kind }) =>
    kind !== "client" && !isBroken;
  resolver = new TagResolver({
    ...{ tags, asks, manifests, repositoryBlobs, observe, now: clock, speaksForAll },
  });
});
afterEach(() => resolver.close());

function question(change: Partial<TagQuestion> = {}): TagQuestion {
  const {
    registry,
    repository: name,
    reference,
    signal,
  } = manifestAsk("docker.io/library/alpine:1");
  if (reference.kind !== "tag") throw new TypeError("not a tag");
  return {
    registry,
    repository: name,
    tag: reference.tag,
    signal,
    accept: parseAccept(modern),
    access: anonymous,
    accessKey: "anonymous",
    patience: "full",
    isForced: false,
    ...change,
  };
}

const outcomes = () =>
  events.flatMap((event) => (event.kind === "tagRevalidated" ? [event.outcome] : []));

describe("what a tag means", () => {
  it("is asked once by all who ask in the same name, and once more in another's", async () => {
    const others = { access: login("a"), accessKey: "client:a" };
    await Promise.all([
      resolver.resolve(question()),
      resolver.resolve(question()),
      resolver.resolve(question(others)),
    ]);
    expect(upstream.count()).toBe(2);
  });

  it("is told: new, the same, moved, gone, refused, unavailable", async () => {
    await resolver.resolve(question());
    await resolver.resolve(question());
    repository.addImage("1", "newer");
    await resolver.resolve(question({ isBackground: true }));
    repository.tags.clear();
    await resolver.resolve(question());
    repository.door = () => false;
    await resolver.resolve(question());
    upstream.down("docker.io");
    await resolver.resolve(question());
    expect(outcomes()).toEqual(["new", "same", "moved", "gone", "refused", "unavailable"]);
    expect(events.filter(({ kind }) => kind === "tagMoved").length).toBe(1);
    expect(tags.isPaused(question(), { variant: native, accessKey: "anonymous" })).toBe(true);
  });

  it("is forgotten when it is gone, unless only one client does not see it", async () => {
    await resolver.resolve(question());
    repository.tags.clear();
    await resolver.resolve(question({ access: login("a"), accessKey: "client:a" }));
    expect(await tags.variant(question(), native)).toBeDefined();
    await resolver.resolve(question());
    expect(await tags.variant(question(), native)).toBeUndefined();
  });

  it("is not forgotten for a 404 to the operator's broken credential", async () => {
    await resolver.resolve(question());
    repository.tags.clear();
    isBroken = true;
    await resolver.resolve(question());
    expect(await tags.variant(question(), native)).toBeDefined();
  });

  it("is not learned from an answer that is older than a push", async () => {
    const gate = Promise.withResolvers<void>();
    upstream.gate = gate.promise;
    const asked = resolver.resolve(question());
    while (upstream.count() === 0) await Promise.resolve();
    generations.raise(question());
    await tags.forget(question());
    upstream.gate = undefined;
    gate.resolve();
    expect((await asked).kind).toBe("tag");
    expect(await tags.variant(question(), native)).toBeUndefined();
  });

  it("is asked with the client's own Accept only where it cannot read the native one", async () => {
    repository.addIndex("1", []);
    const old = parseAccept([types.dockerManifest]);
    await resolver.resolve(question({ accept: old }));
    expect(
      upstream.seen.map(({ headers }) => headers.get("accept")?.[0]?.split(",").length),
    ).toEqual([4, 1]);
    upstream.forget();
    await resolver.resolve(question({ accept: old }));
    expect(upstream.count()).toBe(1);
    await resolver.resolve(question({ accept: old, isForced: true }));
    expect(upstream.count()).toBe(3);
  });

  it("is asked once more for a client that reads rare types, where there is nothing usual", async () => {
    repository.tags.clear();
    const rare = parseAccept([...modern, "application/vnd.example.rare.v1+json"]);
    expect((await resolver.resolve(question({ accept: rare }))).kind).toBe("missing");
    expect(upstream.count("HEAD")).toBe(2);
    upstream.forget();
    await resolver.resolve(question());
    expect(upstream.count("HEAD")).toBe(1);
  });

  it("can be fetched, bytes and all", async () => {
    const answer = await resolver.fetch(question(), native);
    expect(answer).toMatchObject({ kind: "tag", hasBytes: true, known: { variant: native } });
    expect(upstream.log).toEqual(["GET library/alpine/manifests/1 200"]);
  });
});
