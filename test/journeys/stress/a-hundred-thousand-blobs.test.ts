import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { Clients } from "./support/clients/clients.ts";
import { tell } from "./support/figures.ts";
import { finalFiles } from "./support/kept.ts";
import { makeManyBlobs } from "./support/many-blobs.ts";
import { repository, setScene, throughMirror } from "./support/scene.ts";
import { seededBytes } from "./support/seeded.ts";
import { Stressed } from "./support/stressed.ts";

const count = 100_000;
const size = 64;

describe("a hundred thousand kept blobs", () => {
  it("are there in two seconds; half of them go while others are served without a pause", async () => {
    const scene = await setScene();
    const dataDir = join(scene.folder, "data");
    const first = await Stressed.start(scene.folder, scene.env);
    await first.stop();
    await makeManyBlobs(dataDir, count, size);

    const stressed = await Stressed.start(scene.folder, {
      ...scene.env,
      ...Stressed.watched(scene.folder),
      CACHE_MAX_SIZE: `${(count * size) / 2} b`,
    });
    const readyMs = stressed.readyMs;
    // Two seconds, on a machine that starts an empty cache in half of one.
    const soon = Math.max(2_000, 4 * first.readyMs);
    await stressed.loopDelay(scene.folder);
    const digest = scene.upstream.addBlob(seededBytes("asked meanwhile", 1_000));
    const clients = new Clients();
    clients.mixed({
      ...throughMirror(stressed),
      ...{ seed: 7, clients: 2, repository, images: [] },
      blobs: [{ seed: "asked meanwhile", size: 1_000, digest }],
    });
    const began = performance.now();
    await eventually(
      async () => expect((await finalFiles(dataDir)).length).toBeLessThanOrEqual(count / 2 + 1),
      { withinMs: 60_000, everyMs: 1_000 },
    );
    const seconds = (performance.now() - began) / 1_000;
    const late = await stressed.loopDelay(scene.folder);
    const report = await clients.report();
    tell({ readyMs, late, seconds, report });
    expect(readyMs).toBeLessThanOrEqual(soon);
    expect(report.wrong).toEqual([]);
    expect(report.failures).toEqual({});
    expect(late.p99).toBeLessThanOrEqual(20);
  });
});
