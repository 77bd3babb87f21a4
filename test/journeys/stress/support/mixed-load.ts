/** A long working day: everybody pulls anything, registries stumble, the cache is too small, the scrub runs. */
import { setTimeout as pause } from "node:timers/promises";
import { eventually } from "../../../support/eventually.ts";
import { Clients } from "./clients/clients.ts";
import type { MixedReport } from "./clients/jobs.ts";
import { fillRegistry, makeTrouble, manySizes } from "./corpus.ts";
import { inspectKept, partialFiles } from "./kept.ts";
import { MiB, type Scene, throughMirror, throughProxy } from "./scene.ts";
import { Stressed } from "./stressed.ts";

export type MixedLoadPlan = {
  readonly minutes: number;
  /** Through the proxy, and as many through the mirror. */
  readonly clients: number;
  readonly seed: number;
  /** Bytes a second that each reads; left out, as fast as it can. */
  readonly rate?: number | undefined;
};

export type MixedLoadResult = {
  readonly reports: readonly MixedReport[];
  /** Bytes that came from the registry, and that went to clients. */
  readonly fetched: number;
  readonly served: number;
  readonly memory: { readonly now: number; readonly most: number };
  /** How late timers were, of every ten seconds the worst 99th percentile. */
  readonly latestP99: number;
  readonly wrongFiles: readonly string[];
  readonly keptBlobs: number;
  readonly exitCode: number;
};

/** Ends by itself with everything put back. */
export async function workThroughTheDay(
  scene: Scene,
  plan: MixedLoadPlan,
): Promise<MixedLoadResult> {
  const corpus = fillRegistry(scene, manySizes(300, 4 * MiB));
  const stressed = await Stressed.start(scene.folder, {
    ...scene.env,
    ...Stressed.watched(scene.folder),
    CACHE_MAX_SIZE: "200 MiB",
    TAG_TTL: "500 ms",
    SCRUB_INTERVAL: "1 min",
  });
  const descriptors = await stressed.descriptors();
  const ways = [throughMirror(stressed), await throughProxy(scene, stressed)];
  const { clients, rate } = plan;
  const crowds = ways.map((way, index) => {
    const crowd = new Clients();
    crowd.mixed({ ...corpus, ...way, rate, seed: plan.seed + index, clients });
    return crowd;
  });
  let [fetched, latestP99] = [0, 0];
  const end = performance.now() + plan.minutes * 60_000;
  for (let round = 0; performance.now() < end; round += 1) {
    scene.upstream.behave();
    makeTrouble(scene, corpus, plan.seed + round);
    await pause(Math.min(10_000, Math.max(0, end - performance.now())));
    latestP99 = Math.max(latestP99, (await stressed.loopDelay(scene.folder)).p99);
    const seen = scene.upstream.requests.splice(0);
    fetched += seen.reduce((sum, { bytesSent }) => sum + bytesSent, 0);
  }
  const reports = await Promise.all(crowds.map((crowd) => crowd.report()));
  await Promise.all(crowds.map((crowd) => crowd.close()));
  const isAsBefore = async () => {
    const open = await stressed.descriptors();
    const partial = await partialFiles(stressed.dataDir);
    // Connections to the registry are kept for a while.
    if (open <= descriptors + 40 && partial.length === 0) return true;
    throw new Error(`${open} files are open, ${descriptors} were; half written: ${partial}`);
  };
  await eventually(isAsBefore, { withinMs: 15_000, everyMs: 100 });
  const memory = await stressed.memory();
  const exitCode = await stressed.stop();
  const kept = await inspectKept(stressed.dataDir);
  const served = reports.reduce((sum, { bytes }) => sum + bytes, 0);
  const found = { wrongFiles: kept.wrong, keptBlobs: kept.blobs, exitCode };
  return { reports, fetched, served, memory, latestP99, ...found };
}
