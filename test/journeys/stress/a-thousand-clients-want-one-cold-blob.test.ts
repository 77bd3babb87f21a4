import { describe, expect, it } from "vitest";
import { tell } from "./support/figures.ts";
import { type HerdResult, herd } from "./support/herd.ts";
import { MiB, setScene, throughMirror, throughProxy } from "./support/scene.ts";
import { Stressed } from "./support/stressed.ts";

const clients = 1_000;
const size = 4 * MiB;

function expectOneFetch({ digest, report, bodyGets, mostMemory }: HerdResult): void {
  expect(report.failures).toEqual({});
  expect(report.digests).toEqual({ [digest]: clients });
  expect(bodyGets).toBe(1);
  expect(mostMemory).toBeLessThanOrEqual(512);
}

describe("a thousand clients want one cold blob in the same second", () => {
  it("through the proxy, each over TLS: one fetch, all bytes right, little memory", async () => {
    const scene = await setScene();
    const stressed = await Stressed.start(scene.folder, {
      ...scene.env,
      ...Stressed.watched(scene.folder),
    });
    const way = await throughProxy(scene, stressed);
    const result = await herd(scene, stressed, { way, clients, size });
    tell({ ...result, late: await stressed.loopDelay(scene.folder) });
    expectOneFetch(result);
  });

  it("through the mirror: one fetch, all bytes right, little memory", async () => {
    const scene = await setScene();
    const stressed = await Stressed.start(scene.folder, {
      ...scene.env,
      ...Stressed.watched(scene.folder),
    });
    const way = throughMirror(stressed);
    const result = await herd(scene, stressed, { way, clients, size });
    tell({ ...result, late: await stressed.loopDelay(scene.folder) });
    expectOneFetch(result);
  });
});
