import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../support/temp-folder.ts";
import { tell } from "./support/figures.ts";
import { killDuringImports } from "./support/import-kills.ts";

/** In each world; a start takes seconds, and the soak has a hundred of them. */
const kills = Number(process.env.IMPORT_KILLS ?? 20) / 2;

describe("the power goes in the middle of imports", { timeout: 60_000 * kills }, () => {
  it("what was said to be here is whole, pushed or cached, and nothing of the rest stays", async () => {
    const results = await Promise.all(
      (["hosted", "cached"] as const).map(async (world, half) =>
        killDuringImports({
          folder: await temporaryFolder(),
          kills,
          seed: 2_411 + half,
          world,
        }),
      ),
    );
    tell(results);
    for (const { acknowledged, brokenOff, lost, wrongFiles, partial, left } of results) {
      expect(lost).toEqual([]);
      expect(wrongFiles).toEqual([]);
      expect(partial).toEqual([]);
      expect(left).toBe(0);
      expect(brokenOff).toBe(kills);
      expect(acknowledged).toBeGreaterThanOrEqual(kills / 2);
    }
  });
});
