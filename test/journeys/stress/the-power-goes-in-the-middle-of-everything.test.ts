import { describe, expect, it } from "vitest";
import { tell } from "./support/figures.ts";
import { killAgainAndAgain } from "./support/kills.ts";
import { setScene } from "./support/scene.ts";

describe("the power goes in the middle of everything, twenty times", () => {
  it("never a wrong byte, nothing left half written, and ready again in two seconds", async () => {
    const result = await killAgainAndAgain(await setScene(), {
      kills: 20,
      seed: 20_260_112,
      clients: 8,
    });
    tell(result);
    expect(result.wrongFiles).toEqual([]);
    expect(result.leftovers).toEqual([]);
    expect(result.reports.flatMap(({ wrong }) => wrong)).toEqual([]);
    // No start is far from the others, on a machine too busy for two seconds.
    const usual = result.readyMs.toSorted((a, b) => a - b)[result.readyMs.length >> 1] ?? 0;
    expect(Math.max(...result.readyMs)).toBeLessThanOrEqual(Math.max(2_000, 4 * usual));
    expect(result.mostBlobs).toBeGreaterThan(20);
    expect(result.mostPartial).toBeGreaterThan(0);
    expect(Math.min(...result.reports.map(({ complete }) => complete))).toBeGreaterThan(100);
  });
});
