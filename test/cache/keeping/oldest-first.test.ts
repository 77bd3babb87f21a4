import { expect, it } from "vitest";
import { oldestFirst } from "../../../src/cache/keeping/oldest-first.ts";
import { type Digest, toDigest } from "../../../src/protocol/digest.ts";
import { longestTurn, staysBelow } from "../../support/longest-turn.ts";

const digest = (index: number): Digest => toDigest("sha256", String(index).padStart(64, "0"));

it("100,000 blobs come oldest first, and nothing else has to wait for it", async () => {
  const blobs = Array.from({ length: 100_000 }, (_, index) => ({
    digest: digest(index),
    size: 1,
    usedAt: (index * 7_919) % 100_003,
  }));
  const measure = async () => {
    const times: number[] = [];
    const longest = await longestTurn(async () => {
      for await (const part of oldestFirst([...blobs]))
        for (const { usedAt } of part) times.push(usedAt);
    });
    expect(times.length).toBe(100_000);
    expect(times.every((time, index) => index === 0 || time >= (times[index - 1] ?? 0))).toBe(true);
    return longest;
  };
  // A sort in one go takes well over 50 ms.
  expect(await staysBelow(20, measure)).toBe(true);
});

it("nothing comes of nothing", async () => {
  for await (const _ of oldestFirst([])) expect.unreachable();
});
