import { describe, expect, it } from "vitest";
import { UseOrder } from "../../../src/cache/keeping/use-order.ts";
import { type Digest, digestOf } from "../../../src/protocol/digest.ts";
import type { KeptBlob } from "../../../src/store/blob-store.ts";
import { seeds } from "../../support/seeds.ts";
import { Chance } from "../support/chance.ts";

const digests = Array.from({ length: 300 }, (_, index) =>
  digestOf(Buffer.from(`${index}`), index % 5 === 0 ? "sha512" : "sha256"),
);

function listed(order: UseOrder): KeptBlob[] {
  return [...order.oldestFirst()];
}

describe("the order of use", () => {
  it.each(seeds)("is that of a map whose entries are set anew at each use (seed %s)", (seed) => {
    const chance = new Chance(seed);
    const order = new UseOrder();
    const model = new Map<Digest, { size: number; usedAt: number }>();
    for (let step = 0; step < 2_000; step += 1) {
      const digest = chance.pick(...digests);
      if (chance.oneIn(3)) {
        expect(order.delete(digest)).toBe(model.delete(digest));
      } else {
        const use = { size: chance.between(0, 2 ** 50), usedAt: chance.between(0, 1e13) };
        order.set(digest, use);
        model.delete(digest);
        model.set(digest, use);
      }
      const other = chance.pick(...digests);
      expect(order.get(other)).toEqual(model.get(other));
      expect(order.count).toBe(model.size);
    }
    expect(listed(order)).toEqual([...model].map(([digest, use]) => ({ digest, ...use })));
  });

  it.each(seeds)("is walked whole while entries go (seed %s)", (seed) => {
    const chance = new Chance(seed);
    const order = new UseOrder();
    for (const digest of digests) order.set(digest, { size: 1, usedAt: 1 });
    const met: Digest[] = [];
    const expected = new Set(digests);
    for (const { digest } of order.oldestFirst()) {
      met.push(digest);
      const going = chance.oneIn(2) ? digest : chance.pick(...digests);
      order.delete(going);
      if (!met.includes(going)) expected.delete(going);
    }
    expect(met).toEqual([...expected]);
  });

  it("is walked on to what was used meanwhile", () => {
    const order = new UseOrder();
    const [a, b, c] = digests as [Digest, Digest, Digest];
    for (const digest of [a, b, c]) order.set(digest, { size: 1, usedAt: 1 });
    const met: Digest[] = [];
    for (const { digest } of order.oldestFirst()) {
      if (met.length === 0) order.set(b, { size: 1, usedAt: 2 });
      met.push(digest);
    }
    expect(met).toEqual([a, c, b]);
  });
});
