import { describe, expect, it } from "vitest";
import { Beginners } from "../../../src/cache/pull/download-origin.ts";
import { digestOf } from "../../../src/protocol/digest.ts";
import { manifestAsk } from "../support/house.ts";

const digest = digestOf(Buffer.from("blob"));
const at = (image: string, accessKey = "anonymous") => ({
  place: manifestAsk(`${image}:1`),
  accessKey,
});
const here = at("docker.io/corp/app");
const near = at("docker.io/library/open");
const evil = at("evil.example/corp/app");
const nothing = { byPlace: false, byWord: false };
const byPlace = { byPlace: true, byWord: false };
const byWord = { byPlace: false, byWord: true };

function begun(isGranted: boolean) {
  const running = { is: true };
  const beginners = new Beginners(() => running.is);
  const { beginner, mayShare } = beginners.enter(digest, here, byPlace);
  expect(mayShare).toBe(false);
  if (isGranted) beginners.leave(beginner, true);
  return { beginners, beginner, running };
}

const mayShare = (beginners: Beginners, asker: typeof here, grounds: typeof nothing): boolean => {
  const entered = beginners.enter(digest, asker, grounds);
  beginners.leave(entered.beginner, false);
  return entered.mayShare;
};

describe("a download that the registry grants", () => {
  it("is shared with those its repository is open to, or whom the registry lets in", () => {
    const { beginners } = begun(true);
    expect(mayShare(beginners, here, byPlace)).toBe(true);
    expect(mayShare(beginners, here, byWord)).toBe(true);
    expect(mayShare(beginners, here, nothing)).toBe(false);
  });

  it("is shared with another repository of that registry on its word alone", () => {
    const { beginners } = begun(true);
    expect(mayShare(beginners, near, byPlace)).toBe(false);
    expect(beginners.needsWord(digest, near.place, true)).toBe(true);
    expect(mayShare(beginners, near, byWord)).toBe(true);
  });

  it("is shared with no other registry, whatever that says", () => {
    const { beginners } = begun(true);
    expect(beginners.needsWord(digest, evil.place, true)).toBe(false);
    expect(mayShare(beginners, evil, { byPlace: true, byWord: true })).toBe(false);
  });

  it("is not shared elsewhere once it has ended, for it can be joined a little longer", () => {
    const { beginners, running } = begun(true);
    running.is = false;
    expect(beginners.needsWord(digest, near.place, true)).toBe(false);
    expect(mayShare(beginners, near, { byPlace: true, byWord: true })).toBe(false);
    expect(mayShare(beginners, near, { byPlace: true, byWord: true })).toBe(false);
  });
});

describe("a download that nobody has granted yet", () => {
  it("is shared with nobody; who asks at the same place in another name waits for the answer", async () => {
    const { beginners, beginner } = begun(false);
    for (const asker of [here, near, evil])
      expect(mayShare(beginners, asker, { byPlace: true, byWord: true })).toBe(false);
    const second = begun(false);
    const answered = second.beginners.firstAnswer(digest, at("docker.io/corp/app", "client:x"));
    expect(second.beginners.firstAnswer(digest, here)).toBeUndefined();
    expect(second.beginners.firstAnswer(digest, near)).toBeUndefined();
    second.beginners.leave(second.beginner, true);
    await answered;
    expect(
      second.beginners.firstAnswer(digest, at("docker.io/corp/app", "client:x")),
    ).toBeUndefined();
    beginners.leave(beginner, false);
  });
});
