/** Many slow readers of much more than may be kept. */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { eventually } from "../../../support/eventually.ts";
import { Clients } from "./clients/clients.ts";
import type { MixedReport } from "./clients/jobs.ts";
import { fillRegistry } from "./corpus.ts";
import { keptBytes } from "./kept.ts";
import { MiB, type Scene, throughMirror, throughProxy } from "./scene.ts";
import { Stressed } from "./stressed.ts";

export type SmallCachePlan = {
  /** Through the proxy, and as many through the mirror. */
  readonly clients: number;
  /** Bytes a second that each reads. */
  readonly rate: number;
  readonly seconds: number;
};

/** Larger than what the sockets between two processes hold, so that readers are really on the way. */
export const blobSize = 10 * MiB;
const blobs = 20;
const cap = (blobs * blobSize) / 10;

export type SmallCacheResult = {
  readonly reports: readonly MixedReport[];
  /** Milliseconds that more than the cap and one blob lay under final names, at a stretch. */
  readonly longestOver: number;
  /** Blobs that came from the registry, so many times what there is. */
  readonly fetched: number;
  /** Manifests that the registry was asked for. */
  readonly manifests: number;
};

export async function readThroughSmallCache(
  scene: Scene,
  plan: SmallCachePlan,
): Promise<SmallCacheResult> {
  const corpus = fillRegistry(
    scene,
    Array.from({ length: blobs }, () => blobSize),
  );
  const env = { ...scene.env, CACHE_MAX_SIZE: `${cap} b` };
  const stressed = await Stressed.start(scene.folder, env);
  const ways = [throughMirror(stressed), await throughProxy(scene, stressed)];
  const crowds = ways.map((way, seed) => {
    const crowd = new Clients();
    // Images too: what a manifest just served lists is spared as long as there is anything else.
    crowd.mixed({ ...corpus, ...way, seed, clients: plan.clients, rate: plan.rate });
    return crowd;
  });
  const dataDir = join(scene.folder, "data");
  const fetched = (): number => {
    const bodies = scene.upstream.requests.filter(({ method }) => method === "GET");
    return bodies.reduce((sum, { bytesSent }) => sum + bytesSent, 0) / (blobs * blobSize);
  };
  const began = performance.now();
  // On a machine that gives it little, longer: until all of it came once, and more had to come again.
  const longestOver = await watch(dataDir, () => {
    const passed = performance.now() - began;
    return passed >= plan.seconds * 1_000 && (fetched() > 1 || passed >= plan.seconds * 6_000);
  });
  const reports = await Promise.all(crowds.map((crowd) => crowd.report()));
  // What was being read could not go; it does a while after the last reader has gone.
  const isWithinCap = async () => expect(await keptBytes(dataDir)).toBeLessThanOrEqual(cap);
  await eventually(isWithinCap, { withinMs: 15_000, everyMs: 100 });
  const isManifest = ({ url }: { readonly url: string }) => url.includes("/manifests/");
  const manifests = scene.upstream.requests.filter(isManifest).length;
  return { reports, longestOver, fetched: fetched(), manifests };
}

/** Several downloads may end in the same moment: what counts is how soon there is room again. */
async function watch(dataDir: string, isOver: () => boolean): Promise<number> {
  let lastGood = performance.now();
  let longest = 0;
  while (!isOver()) {
    const kept = await keptBytes(dataDir);
    const now = performance.now();
    if (kept <= cap + blobSize) lastGood = now;
    longest = Math.max(longest, now - lastGood);
    await pause(10);
  }
  return longest;
}
