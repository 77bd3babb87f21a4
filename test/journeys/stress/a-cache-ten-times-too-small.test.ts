import { describe, expect, it } from "vitest";
import { tell } from "./support/figures.ts";
import { MiB, setScene } from "./support/scene.ts";
import { readThroughSmallCache } from "./support/small-cache.ts";

describe("a cache ten times too small for its slow readers", () => {
  it("of images and their blobs: evicts at every commit, keeps to its cap, and no transfer fails", async () => {
    const plan = { clients: 20, rate: 4 * MiB, seconds: 10 };
    const result = await readThroughSmallCache(await setScene(), plan);
    tell(result);
    expect(result.reports.flatMap(({ wrong }) => wrong)).toEqual([]);
    expect(result.reports.map(({ failures }) => failures)).toEqual([{}, {}]);
    expect(result.fetched).toBeGreaterThan(1);
    expect(result.manifests).toBeGreaterThan(0);
    expect(result.longestOver).toBeLessThanOrEqual(1_500);
  });
});
