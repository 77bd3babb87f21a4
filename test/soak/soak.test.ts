import { describe, expect, it } from "vitest";
import { tell } from "../journeys/stress/support/figures.ts";
import { herd } from "../journeys/stress/support/herd.ts";
import { killAgainAndAgain } from "../journeys/stress/support/kills.ts";
import { workThroughTheDay } from "../journeys/stress/support/mixed-load.ts";
import { killDuringPushes } from "../journeys/stress/support/push-kills.ts";
import { MiB, setScene, throughMirror, throughProxy } from "../journeys/stress/support/scene.ts";
import { readThroughSmallCache } from "../journeys/stress/support/small-cache.ts";
import { Stressed } from "../journeys/stress/support/stressed.ts";
import { temporaryFolder } from "../support/temp-folder.ts";
import { inProportion, minutes, rate } from "./support/sizes.ts";

describe("for hours", () => {
  it.each(["proxy", "mirror"])(
    "a thousand clients and one cold blob of 64 MiB, through the %s",
    async (door) => {
      const scene = await setScene();
      const stressed = await Stressed.start(scene.folder, scene.env);
      const way = door === "proxy" ? await throughProxy(scene, stressed) : throughMirror(stressed);
      const size = inProportion(64, 8) * MiB;
      const result = await herd(scene, stressed, { way, clients: 1_000, size });
      tell(result);
      expect(result.report.failures).toEqual({});
      expect(result.report.digests).toEqual({ [result.digest]: 1_000 });
      expect(result.bodyGets).toBe(1);
      expect(result.mostMemory).toBeLessThanOrEqual(512);
    },
  );

  it("two hundred power cuts in the middle of everything", async () => {
    const plan = { kills: inProportion(200, 20), seed: Date.now() % 1_000_000, clients: 20 };
    const result = await killAgainAndAgain(await setScene(), plan);
    tell({ plan, ...result, readyMs: Math.max(...result.readyMs) });
    expect(result.wrongFiles).toEqual([]);
    expect(result.leftovers).toEqual([]);
    expect(result.reports.flatMap(({ wrong }) => wrong)).toEqual([]);
    expect(Math.max(...result.readyMs)).toBeLessThanOrEqual(2_000);
  });

  it("a thousand power cuts in the middle of pushes", async () => {
    const plan = { kills: inProportion(1_000, 30), pushers: 6, seed: Date.now() % 1_000_000 };
    const result = await killDuringPushes({ folder: await temporaryFolder(), ...plan });
    tell({ plan, ...result });
    expect(result.lost).toEqual([]);
    expect(result.wrongFiles).toEqual([]);
    expect(result.leftovers).toEqual([]);
  });

  it("a hundred slow readers of a cache ten times too small", async () => {
    const plan = { clients: 50, rate: MiB, seconds: inProportion(600, 30) };
    const result = await readThroughSmallCache(await setScene(), plan);
    tell({ plan, ...result });
    expect(result.reports.flatMap(({ wrong }) => wrong)).toEqual([]);
    expect(result.reports.map(({ failures }) => failures)).toEqual([{}, {}]);
  });

  it("mixed load, with a registry that stumbles and a scrub that never rests", async () => {
    const plan = { minutes, clients: 20, rate, seed: Date.now() % 1_000_000 };
    const result = await workThroughTheDay(await setScene(), plan);
    tell({ plan, ...result });
    expect(result.reports.flatMap(({ wrong }) => wrong)).toEqual([]);
    expect(result.reports.map(({ failures }) => failures)).toEqual([{}, {}]);
    expect(result.wrongFiles).toEqual([]);
    expect(result.memory.most).toBeLessThanOrEqual(512);
    expect(result.exitCode).toBe(0);
  });
});
