import { describe, expect, it } from "vitest";
import { PullQuota } from "../../../src/cache/tags/pull-quota.ts";
import { TagRules } from "../../../src/cache/tags/tag-rules.ts";
import { native } from "../../../src/cache/tags/tag-state.ts";
import { type TagPlace, Tags, tagKey } from "../../../src/cache/tags/tags.ts";
import { digestOf } from "../../../src/protocol/digest.ts";
import { headerList } from "../../../src/protocol/http/header-list.ts";
import { parseAccept } from "../../../src/protocol/media-type.ts";
import { MemoryRecordStore } from "../../../src/store/memory/memory-record-store.ts";
import { manifestAsk } from "../support/house.ts";

function tagPlace(image: string): TagPlace {
  const { registry, repository, reference } = manifestAsk(image);
  if (reference.kind !== "tag") throw new TypeError(image);
  return { registry, repository, tag: reference.tag };
}

const place = tagPlace("docker.io/library/alpine:3.20");
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
  const budgets = new PullQuota(() => undefined, now);
  const rules = new TagRules([{ tag: "fixed", immutable: true }], 10_000);
  const observe = () => expect.unreachable();
  return { clock, budgets, records, tags: new Tags({ records, rules, budgets, observe, now }) };
}

describe("tags", () => {
  it("give each client the variant it can read, and a converted one to its own set alone", async () => {
    const { tags } = setUp();
    await tags.learn(place, native, { current: entry("index"), kept: undefined });
    expect(await tags.recall(place, old)).toBeUndefined();
    await tags.learn(place, old, { current: entry("converted", "a/old"), kept: undefined });
    expect(await tags.recall(place, modern)).toMatchObject({ variant: native });
    expect(await tags.recall(place, old)).toMatchObject({ variant: "a/old" });
    expect(await tags.recall(place, parseAccept(["a/old", "a/older"]))).toBeUndefined();
  });

  it("are remembered across a restart, and forgotten by a push in all variants", async () => {
    const { tags, records } = setUp();
    await tags.learn(place, native, { current: entry("index"), kept: undefined });
    await tags.flush();
    const second = setUp(records).tags;
    expect((await second.recall(place, modern))?.current).toEqual(entry("index"));
    const before = second.generation(place);
    second.forget(place);
    expect(await second.recall(place, modern)).toBeUndefined();
    expect(second.generation(place)).not.toBe(before);
    await second.flush();
    expect(await records.get(`tag/${tagKey(place)}`)).toBeUndefined();
  });

  it("remember the last meaning whose bytes are kept", async () => {
    const { tags } = setUp();
    await tags.noteKept(place, native, entry("nobody knows it"));
    await tags.learn(place, native, { current: entry("index"), kept: undefined });
    await tags.noteKept(place, native, entry("index"));
    expect((await tags.variant(place, native))?.kept).toEqual(entry("index"));
  });

  it("follow their rules, and the registry's budget", async () => {
    const { tags, clock, budgets } = setUp();
    const fixed = tagPlace("docker.io/library/alpine:fixed");
    clock.now = 20_000;
    expect([tags.isFresh(place, entry("x")), tags.isFresh(fixed, entry("x"))]).toEqual([
      false,
      true,
    ]);
    expect([tags.isDue(place, 0), tags.isDue(fixed, 0)]).toEqual([true, false]);
    const fields = { "ratelimit-limit": "100;w=60", "ratelimit-remaining": "1;w=60" };
    budgets.note(place.registry.name, headerList(fields));
    expect(tags.isFresh(place, entry("x"))).toBe(true);
  });

  it("leave a failing registry in peace until it has answered, or for seconds", async () => {
    const { tags, clock } = setUp();
    const name = { variant: native, accessKey: "shared" };
    tags.pause(place, name);
    expect(tags.isPaused(place, name)).toBe(true);
    clock.now = 5_000;
    expect(tags.isPaused(place, name)).toBe(false);
    tags.pause(place, name);
    tags.resume(place, name);
    expect(tags.isPaused(place, name)).toBe(false);
    tags.pause(place, name);
    tags.forget(place);
    expect(tags.isPaused(place, name)).toBe(false);
  });

  it("leave it in peace in the name in which it failed, and for that variant alone", () => {
    const { tags } = setUp();
    const name = { variant: native, accessKey: "client:mallory" };
    tags.pause(place, name);
    expect(tags.isPaused(place, { ...name, accessKey: "shared" })).toBe(false);
    expect(tags.isPaused(place, { ...name, variant: "a/b" })).toBe(false);
  });
});
