import { describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { Clients } from "./support/clients/clients.ts";
import type { HerdReport, WayJob } from "./support/clients/jobs.ts";
import { tell } from "./support/figures.ts";
import { herd } from "./support/herd.ts";
import { finalFiles, inspectKept, partialFiles } from "./support/kept.ts";
import { blobPath, bodyGets, MiB, type Scene, setScene, throughProxy } from "./support/scene.ts";
import { seededBytes } from "./support/seeded.ts";
import { SmallDisk } from "./support/small-disk.ts";
import { Stressed } from "./support/stressed.ts";

function addBlob({ upstream }: Scene, seed: string, size: number): string {
  return upstream.addBlob(seededBytes(seed, size));
}

/** One pull that must succeed. */
async function pull(way: WayJob, digest: string): Promise<HerdReport> {
  const clients = new Clients();
  const report = await clients.herd({ ...way, clients: 1, path: blobPath(digest) });
  await clients.close();
  expect(report.failures).toEqual({});
  expect(report.digests).toEqual({ [digest]: 1 });
  return report;
}

/** Pulled again and again, within five seconds it costs the registry nothing any more. */
async function untilKept(scene: Scene, way: WayJob, digest: string): Promise<void> {
  await eventually(async () => {
    const before = bodyGets(scene, digest);
    await pull(way, digest);
    expect(bodyGets(scene, digest)).toBe(before);
  });
}

describe("a disk that takes no more", () => {
  it("of 8 MiB, twenty clients of a blob of 100: nobody notices, and it recovers by itself", async () => {
    const scene = await setScene();
    const disk = await SmallDisk.mount(scene.folder, 8);
    const stressed = await Stressed.start(scene.folder, scene.env);
    const way = await throughProxy(scene, stressed);
    const before = addBlob(scene, "before", 5 * MiB);
    await pull(way, before);

    const states = new Set<string>();
    const watching = setInterval(async () => {
      states.add((await stressed.readiness()).status);
    }, 50);
    const result = await herd(scene, stressed, { way, clients: 20, size: 100 * MiB });
    clearInterval(watching);
    tell({ ...result, states: [...states] });
    expect(result.report.failures).toEqual({});
    expect(result.report.digests).toEqual({ [result.digest]: 20 });
    expect(result.bodyGets).toBeLessThanOrEqual(21);
    expect(states).toContain("degraded");

    // What was there made room, and what fits is kept again, without a restart.
    await eventually(async () => expect(await stressed.readiness()).toMatchObject({ reasons: [] }));
    await eventually(async () => expect(await partialFiles(stressed.dataDir)).toEqual([]));
    await untilKept(scene, way, before);
    await untilKept(scene, way, addBlob(scene, "after", 6 * MiB));
    await disk.remount("size=256m");
    await untilKept(scene, way, result.digest);
    expect((await inspectKept(stressed.dataDir)).wrong).toEqual([]);
  });

  it("filled by others while it runs: kept blobs are served, and five seconds after there is space all is well", async () => {
    const scene = await setScene();
    const disk = await SmallDisk.mount(scene.folder, 16);
    const stressed = await Stressed.start(scene.folder, scene.env);
    const way = await throughProxy(scene, stressed);
    const kept = addBlob(scene, "kept", 4 * MiB);
    await pull(way, kept);
    await disk.fill(12 * MiB - 64 * 1024);
    await pull(way, kept);
    const cold = addBlob(scene, "cold", 6 * MiB);
    await pull(way, cold);
    expect((await stressed.readiness()).status).toBe("degraded");
    await disk.fill(0);
    await eventually(async () => expect((await stressed.readiness()).status).toBe("ready"));
    await untilKept(scene, way, cold);
  });

  it("read-only all of a sudden: serves what it has, fetches the rest, and says it is degraded", async () => {
    const scene = await setScene();
    const disk = await SmallDisk.mount(scene.folder, 64);
    const stressed = await Stressed.start(scene.folder, scene.env);
    const way = await throughProxy(scene, stressed);
    const kept = addBlob(scene, "kept", 4 * MiB);
    await pull(way, kept);
    await eventually(async () => expect(await finalFiles(stressed.dataDir)).toHaveLength(1));
    await eventually(() => disk.remount("ro"));
    await pull(way, kept);
    expect(bodyGets(scene, kept)).toBe(1);
    const cold = addBlob(scene, "cold", 4 * MiB);
    await pull(way, cold);
    expect(await stressed.readiness()).toMatchObject({
      status: "degraded",
      reasons: [expect.stringContaining("EROFS")],
    });
    await disk.remount("rw");
    await eventually(async () => expect((await stressed.readiness()).status).toBe("ready"));
    await untilKept(scene, way, cold);
  });

  it("read-only for long: from the fifth failure on nobody pays for the disk, and it is found out by itself when it works", async () => {
    const scene = await setScene();
    const disk = await SmallDisk.mount(scene.folder, 64);
    const stressed = await Stressed.start(scene.folder, { ...scene.env, LOG_LEVEL: "info" });
    const way = await throughProxy(scene, stressed);
    const kept = addBlob(scene, "kept", 4 * MiB);
    await pull(way, kept);
    await eventually(async () => expect(await finalFiles(stressed.dataDir)).toHaveLength(1));
    await eventually(() => disk.remount("ro"));
    for (let nth = 0; nth < 5; nth += 1) await pull(way, addBlob(scene, `failing ${nth}`, MiB));
    const cold = [1, 2, 3].map((nth) => addBlob(scene, `cold ${nth}`, 8 * MiB));
    for (const digest of cold) await pull(way, digest);
    expect(cold.map((digest) => bodyGets(scene, digest))).toEqual([1, 1, 1]);
    const result = await herd(scene, stressed, { way, clients: 20, size: 4 * MiB });
    tell({ ...result });
    expect(result.report.digests).toEqual({ [result.digest]: 20 });
    expect(result.bodyGets).toBeLessThanOrEqual(20);
    await pull(way, kept);
    expect(bodyGets(scene, kept)).toBe(1);
    expect((await stressed.readiness()).status).toBe("degraded");
    const told = (words: string) => stressed.lines.filter((line) => line.includes(words)).length;
    await eventually(() => expect(told("the disk failed again and again")).toBe(1));
    await disk.remount("rw");
    const ready = async () => expect((await stressed.readiness()).status).toBe("ready");
    await eventually(ready, { withinMs: 40_000, everyMs: 200 });
    await eventually(() => expect(told("the disk takes writes again")).toBe(1));
    await untilKept(scene, way, cold[0] ?? "");
  });
});
