import { describe, expect, it } from "vitest";
import { settingsFrom } from "./loading.ts";

describe("the cache", () => {
  it("keeps 32 GiB, leaves room on the volume, and believes a tag for ten seconds", async () => {
    const { cache } = await settingsFrom({});
    expect(cache).toEqual({
      maxSize: 32 * 2 ** 30,
      minFree: { fraction: 0.05, bytes: 2 ** 30 },
      tagTtl: 10_000,
      staleIfError: 86_400_000,
      offline: false,
      orphanDownloads: 8,
      orphanSize: 4 * 2 ** 30,
      orphanTime: 10 * 60_000,
      scrubInterval: 604_800_000,
    });
  });

  it("takes sizes and times as written", async () => {
    const { cache } = await settingsFrom({
      CACHE_MAX_SIZE: "1 TB",
      CACHE_MIN_FREE: "10 %",
      TAG_TTL: "0",
      OFFLINE: "yes",
    });
    expect(cache).toMatchObject({
      maxSize: 1e12,
      minFree: { fraction: 0.1, bytes: 0 },
      tagTtl: 0,
      offline: true,
    });
  });
});
