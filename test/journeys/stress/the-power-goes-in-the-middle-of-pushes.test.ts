import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { aThirdOf } from "../support/fullness.ts";
import { tell } from "./support/figures.ts";
import { killDuringPushes } from "./support/push-kills.ts";

/** Of each half. */
const kills = aThirdOf(50);

describe("the power goes in the middle of pushes, again and again", { timeout: 600_000 }, () => {
  it("every push that was acknowledged pulls as it was, and nothing half pushed is left", async () => {
    // Two at a time, since a start is mostly waiting for one core.
    const results = await Promise.all(
      [1, 2].map(async (half) =>
        killDuringPushes({
          ...{ folder: await temporaryFolder(), kills, pushers: 3 },
          seed: 20_261_127 + 100 * half,
        }),
      ),
    );
    tell(results);
    for (const { acknowledged, brokenOff, lost, wrongFiles, leftovers } of results) {
      expect(lost).toEqual([]);
      expect(wrongFiles).toEqual([]);
      expect(leftovers).toEqual([]);
      expect(acknowledged.manifests).toBeGreaterThan(kills / 2);
      expect(brokenOff).toBeGreaterThan(kills / 2);
    }
  });
});
