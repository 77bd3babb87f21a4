import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Visibility } from "../../../src/cache/access/visibility.ts";
import { Generations } from "../../../src/cache/repository-ref.ts";
import { TagRules } from "../../../src/cache/tags/freshness.ts";
import { PullQuota } from "../../../src/cache/tags/pull-quota.ts";
import { TagRefresh } from "../../../src/cache/tags/tag-refresh.ts";
import type { TagAnswer, TagQuestion } from "../../../src/cache/tags/tag-resolver.ts";
import { native } from "../../../src/cache/tags/tag-state.ts";
import { type TagRef, Tags } from "../../../src/cache/tags/tags.ts";
import { digestOf } from "../../../src/protocol/digest.ts";
import { parseAccept } from "../../../src/protocol/media-type.ts";
import { MemoryRecordStore } from "../../support/memory-record-store.ts";
import { anonymous, login, manifestAsk, none } from "../support/house.ts";

let now = 0;
let tags: Tags;
let visibility: Visibility;
let hot: TagRefresh;
let asked: TagQuestion[];
let answer: TagAnswer;

const accept = parseAccept([]);

function tagPlace(image: string): TagRef {
  const { registry, repository, reference } = manifestAsk(image);
  if (reference.kind !== "tag") throw new TypeError(image);
  return { registry, repository, tag: reference.tag };
}

const entry = () => ({
  digest: digestOf(Buffer.from("x")),
  mediaType: "a/b",
  size: 1,
  checkedAt: now,
});

beforeEach(() => {
  now = 1e12;
  asked = [];
  const records = new MemoryRecordStore();
  const observe = () => undefined;
  const clock = (): number => now;
  const quota = new PullQuota(observe, clock);
  const generations = new Generations();
  tags = new Tags({
    records,
    rules: new TagRules([], 10_000),
    quota,
    generations,
    observe,
    now: clock,
  });
  visibility = new Visibility({
    records,
    observe,
    now: clock,
    credentialOf: () => undefined,
    secret: Buffer.from("secret"),
  });
  const known = { current: entry(), kept: undefined, variant: native };
  answer = { kind: "tag", known, hasBytes: false, isJoined: false };
  // Stands in for the resolver, which is asked and learns nothing here.
  const resolver = {
    resolve: async (question: TagQuestion) => {
      asked.push(question);
      return answer;
    },
  };
  hot = new TagRefresh({ tags, visibility, resolver });
});
afterEach(() => hot.close());

async function publish(image: string): Promise<TagRef> {
  const ref = tagPlace(image);
  await visibility.grant(ref, anonymous, { kind: "tag", tag: ref.tag });
  return ref;
}

function askFor(ref: TagRef, times: number, current = entry()): void {
  for (let time = 0; time < times; time += 1)
    hot.asked(ref, accept, { current, kept: undefined, variant: native });
}

describe("a busy tag", () => {
  it("is confirmed before it is old, in our own name", async () => {
    askFor(await publish("docker.io/a:1"), 2);
    await hot.round();
    expect(asked).toEqual([]);
    now += 7_500;
    await hot.round();
    expect(asked).toMatchObject([{ access: anonymous, isForced: true, isBackground: true }]);
    await hot.round();
    expect(asked.length).toBe(1);
  });

  it("is one that was asked for twice since it was last confirmed", async () => {
    const ref = await publish("docker.io/a:1");
    askFor(ref, 1);
    now += 8_000;
    await hot.round();
    askFor(ref, 1);
    now += 8_000;
    await hot.round();
    expect(asked).toEqual([]);
  });

  it("waits its turn: one question a round for each registry, the oldest first", async () => {
    const places = await Promise.all(
      ["docker.io/a:1", "docker.io/b:1", "ghcr.io/c:1"].map(publish),
    );
    for (const ref of places) {
      askFor(ref, 2);
      now += 1;
    }
    now += 8_000;
    await hot.round();
    expect(asked.map(({ repository }) => repository)).toEqual(["a", "c"]);
    await hot.round();
    expect(asked.map(({ repository }) => repository)).toEqual(["a", "c", "b"]);
  });

  it("is left alone where only clients' own logins open it, and while the registry fails", async () => {
    const secret = tagPlace("docker.io/corp/app:1");
    await visibility.grant(secret, login("a"), { kind: "tag", tag: secret.tag });
    const failing = await publish("ghcr.io/a:1");
    askFor(secret, 5);
    askFor(failing, 5);
    now += 8_000;
    tags.pause(failing, { variant: "native", accessKey: "anonymous" });
    await hot.round();
    expect(asked).toEqual([]);
  });

  it("renews the proof, or withdraws it", async () => {
    const ref = await publish("docker.io/a:1");
    askFor(ref, 2);
    now += 3_600_000;
    await hot.round();
    expect(await visibility.may({ ...ref, access: none })).toBe(true);
    askFor(ref, 2);
    now += 8_000;
    answer = {
      kind: "refused",
      answer: { status: 401, headers: new Map(), body: Buffer.alloc(0) },
    };
    await hot.round();
    expect(await visibility.may({ ...ref, access: none })).toBe(false);
  });
});
