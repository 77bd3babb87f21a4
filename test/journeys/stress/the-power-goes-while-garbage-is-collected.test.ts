import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { aThirdOf } from "../support/fullness.ts";
import { tell } from "./support/figures.ts";
import { killDuringGarbage } from "./support/garbage-kills.ts";

/** Of each half. */
const kills = aThirdOf(50);

describe("the power goes in the middle of deletions and garbage, again and again", {
  timeout: 600_000,
}, () => {
  it("what was not deleted is whole, what was is gone, and the next collection frees the rest", async () => {
    // Two at a time, since a start is mostly waiting for one core.
    const results = await Promise.all(
      [1, 2].map(async (half) =>
        killDuringGarbage({ folder: await temporaryFolder(), kills, seed: 1_127 + half }),
      ),
    );
    tell(results);
    for (const { kept, deleted, brokenOff, lost, wrongFiles, left } of results) {
      expect(lost).toEqual([]);
      expect(wrongFiles).toEqual([]);
      expect(left).toBe(0);
      expect(brokenOff).toBeGreaterThan(kills / 5);
      expect(Math.min(kept, deleted)).toBeGreaterThan((kills * 2) / 5);
    }
  });
});
