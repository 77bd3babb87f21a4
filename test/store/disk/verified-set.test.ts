import { describe, expect, it } from "vitest";
import { digestOf } from "../../../src/protocol/digest.ts";
import { VerifiedSet } from "../../../src/store/disk/verified-set.ts";

const a = digestOf(Buffer.from("a"));
const b = digestOf(Buffer.from("b"));

describe("trust in kept blobs", () => {
  it("has everything after a stop that vouched for all", () => {
    const trust = new VerifiedSet("all");
    expect(trust.has(a)).toBe(true);
    expect(trust.add(a)).toBe(false);
    trust.remove(a);
    expect(trust.snapshot()).toBe("all");
  });

  it("has what was named, and what is added, until removed", () => {
    const trust = new VerifiedSet(new Set([a]));
    expect([trust.has(a), trust.has(b)]).toEqual([true, false]);
    expect([trust.add(b), trust.add(b)]).toEqual([true, false]);
    trust.remove(a);
    expect(trust.snapshot()).toEqual(new Set([b]));
    trust.addAll();
    expect(trust.has(a)).toBe(true);
  });
});
