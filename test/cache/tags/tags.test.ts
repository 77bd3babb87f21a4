import { describe, expect, it } from "vitest";
import { Generations } from "../../../src/cache/repository-ref.ts";
import { TagRules } from "../../../src/cache/tags/freshness.ts";
import { PullQuota } from "../../../src/cache/tags/pull-quota.ts";
import { native, variantOf } from "../../../src/cache/tags/tag-state.ts";
import { type TagRef, Tags, tagKey } from "../../../src/cache/tags/tags.ts";
import { digestOf } from "../../../src/protocol/digest.ts";
import { headerList } from "../../../src/protocol/http/header-list.ts";
import { type AcceptSet, parseAccept } from "../../../src/protocol/media-type.ts";
import { MemoryRecordStore } from "../../support/memory-record-store.ts";
import { manifestAsk } from "../support/house.ts";

function tagPlace(image: string): TagRef {
  const { registry, repository, reference } = manifestAsk(image);
  if (reference.kind !== "tag") throw new TypeError(image);
  return { registry, repository, tag: reference.tag };
}

const ref = tagPlace("docker.io/library/alpine:3.20");
const index = "application/vnd.oci.image.index.v1+json";
const modern = parseAccept([index]);
const old = parseAccept(["a/old"]);
const entry = (text: string, mediaType = index, checkedAt = 0) => ({
  digest: digestOf(Buffer.from(text)),
  mediaType,
  size: 1,
  checkedAt,
});

function setUp(records = new MemoryRecordStore()) {
  const clock = { now: 0 };
  const now = (): number => clock.now;
  const quota = new PullQuota(() => undefined, now);
  const rules = new TagRules([{ tag: "fixed", immutable: true }], 10_000);
  const observe = () => expect.unreachable();
  const generations = new Generations();
  const tags = new Tags({ records, rules, quota, generations, observe, now });
  return { clock, quota, records, generations, tags };
}

describe("tags", () => {
  it("give each client the variant it can read, and a converted one to its own set alone", async () => {
    const { tags } = setUp();
    await tags.learn(ref, native, { current: entry("index"), kept: undefined });
    const known = async (accept: AcceptSet) => (await tags.recall(ref, accept)).known;
    expect(await known(old)).toBeUndefined();
    await tags.learn(ref, variantOf(old), {
      current: entry("converted", "a/old"),
      kept: undefined,
    });
    expect(await known(modern)).toMatchObject({ variant: native });
    expect(await known(old)).toMatchObject({ variant: variantOf(old) });
    expect(await known(parseAccept(["a/old", "a/older"]))).toBeUndefined();
  });

  it("are remembered across a restart, and forgotten by a push in all variants", async () => {
    const { tags, records } = setUp();
    await tags.learn(ref, native, { current: entry("index"), kept: undefined });
    await tags.flush();
    const { tags: second, generations } = setUp(records);
    expect((await second.recall(ref, modern)).known?.current).toEqual(entry("index"));
    const before = second.generation(ref);
    generations.raise(ref);
    await second.forget(ref);
    expect(await second.recall(ref, modern)).toEqual({ known: undefined, standIns: [] });
    expect(second.generation(ref)).not.toBe(before);
    await second.flush();
    expect(await records.get(`tag/${tagKey(ref)}`)).toBeUndefined();
  });

  it("remember the last meaning whose bytes are kept", async () => {
    const { tags } = setUp();
    await tags.noteKept(ref, native, entry("nobody knows it"));
    await tags.learn(ref, native, { current: entry("index"), kept: undefined });
    await tags.noteKept(ref, native, entry("index"));
    expect((await tags.variant(ref, native))?.kept).toEqual(entry("index"));
  });

  it("follow their rules, and the registry's budget", async () => {
    const { tags, clock, quota } = setUp();
    const fixed = tagPlace("docker.io/library/alpine:fixed");
    clock.now = 20_000;
    expect([tags.isFresh(ref, entry("x")), tags.isFresh(fixed, entry("x"))]).toEqual([false, true]);
    expect([tags.isDue(ref, 0), tags.isDue(fixed, 0)]).toEqual([true, false]);
    const fields = { "ratelimit-limit": "100;w=60", "ratelimit-remaining": "1;w=60" };
    quota.note(ref.registry.name, { kind: "anonymous" }, headerList(fields));
    expect(tags.isFresh(ref, entry("x"))).toBe(true);
  });

  it("leave a failing registry in peace until it has answered, or for seconds", async () => {
    const { tags, clock, generations } = setUp();
    const name = { variant: native, accessKey: "shared" };
    tags.pause(ref, name);
    expect(tags.isPaused(ref, name)).toBe(true);
    clock.now = 5_000;
    expect(tags.isPaused(ref, name)).toBe(false);
    tags.pause(ref, name);
    tags.resume(ref, name);
    expect(tags.isPaused(ref, name)).toBe(false);
    tags.pause(ref, name);
    generations.raise(ref);
    expect(tags.isPaused(ref, name)).toBe(false);
  });

  it("leave it in peace in the name in which it failed, and for that variant alone", () => {
    const { tags } = setUp();
    const name = { variant: native, accessKey: "client:mallory" };
    tags.pause(ref, name);
    expect(tags.isPaused(ref, { ...name, accessKey: "shared" })).toBe(false);
    expect(tags.isPaused(ref, { ...name, variant: "a/b" })).toBe(false);
  });
});
