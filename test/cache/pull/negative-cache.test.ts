import { describe, expect, it } from "vitest";
import { NegativeCache } from "../../../src/cache/pull/negative-cache.ts";
import { headerList } from "../../../src/protocol/http/header-list.ts";
import { amongOthers, memoryOf } from "../../support/memory-of.ts";
import { blobAsk } from "../support/house.ts";

const none = `@sha256:${"0".repeat(64)}`;
const a = blobAsk(`docker.io/team/a${none}`);
const ab = blobAsk(`docker.io/team/ab${none}`);

const answer = (status: number) => ({ status, headers: new Map(), body: Buffer.from("{}") });

describe("a 404", () => {
  it("is shared for two seconds by those who asked the same", () => {
    let now = 0;
    const negative = new NegativeCache({ now: () => now });
    negative.remember(a, "1\nset\nanonymous", answer(404));
    expect(negative.recall(a, "1\nset\nanonymous")?.status).toBe(404);
    expect(negative.recall(a, "1\nother set\nanonymous")).toBeUndefined();
    expect(negative.recall(a, "1\nset\nshared")).toBeUndefined();
    now = 2_000;
    expect(negative.recall(a, "1\nset\nanonymous")).toBeUndefined();
  });

  it("is forgotten when something is pushed to its repository, and no other answer is kept", () => {
    const negative = new NegativeCache({ now: () => 0 });
    for (const ref of [a, ab]) negative.remember(ref, "x", answer(404));
    negative.remember(a, "y", answer(405));
    negative.forget(a);
    expect(negative.recall(a, "x")).toBeUndefined();
    expect(negative.recall(a, "y")).toBeUndefined();
    expect(negative.recall(ab, "x")?.status).toBe(404);
  });
});

describe("a flood of 404s", () => {
  const missing = (size: number, fields: Readonly<Record<string, string>> = {}) => ({
    status: 404,
    headers: headerList(fields),
    body: Buffer.alloc(size),
  });

  it("whose bodies are long is passed on, and not remembered", () => {
    const negative = new NegativeCache({ now: () => 0 });
    negative.remember(a, "long", missing(4 * 1024 + 1));
    negative.remember(a, "short", missing(4 * 1024));
    expect(negative.recall(a, "long")).toBeUndefined();
    expect(negative.recall(a, "short")).toBeDefined();
  });

  it("is remembered by its bytes, header fields and all", () => {
    const negative = new NegativeCache({ now: () => 0, bytes: 100_000 });
    for (let count = 0; count < 100; count += 1)
      negative.remember(a, `${count}`, missing(100, { x: "y".repeat(10_000) }));
    const known = Array.from({ length: 100 }, (_, count) => negative.recall(a, `${count}`));
    expect(known.filter((one) => one !== undefined)).toHaveLength(4);
  });
});

describe("many 404s that came among much else", () => {
  it("take the memory that they are long", () => {
    const negative = new NegativeCache({ now: () => 0 });
    const variants = Array.from({ length: 100 }, (_, index) => `variant ${index}`);
    for (const variant of variants) {
      negative.remember(a, variant, { ...answer(404), body: amongOthers(variant) });
    }
    const bodies = variants.flatMap((variant) => negative.recall(a, variant)?.body ?? []);
    expect(bodies.map(String)).toEqual(variants);
    expect(memoryOf(bodies)).toBeLessThan(2_000);
  });
});
