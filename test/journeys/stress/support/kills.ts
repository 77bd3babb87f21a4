/** The program, killed and started again and again in the middle of everything. */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "../../../support/free-port.ts";
import type { Environment } from "../../support/program.ts";
import { Clients } from "./clients/clients.ts";
import type { MixedReport } from "./clients/jobs.ts";
import { type Corpus, fillRegistry, makeTrouble, manySizes } from "./corpus.ts";
import { inspectKept, partialFiles } from "./kept.ts";
import { MiB, type Scene, throughMirror, throughProxy } from "./scene.ts";
import { seededRandom } from "./seeded.ts";
import { Stressed } from "./stressed.ts";

export type KillsPlan = {
  readonly kills: number;
  readonly seed: number;
  /** Through the proxy, and as many through the mirror. */
  readonly clients: number;
};

export type KillsResult = {
  /** Milliseconds from spawn to ready, of each start that was not killed before it was ready. */
  readonly readyMs: readonly number[];
  /** Final files with other bytes than their name says, right after a kill. */
  readonly wrongFiles: readonly string[];
  /** Half-written files of one run that the next run had not removed when it was ready. */
  readonly leftovers: readonly string[];
  /** That there was something to go wrong: most files of either kind that a kill left behind. */
  readonly mostBlobs: number;
  readonly mostPartial: number;
  readonly reports: readonly MixedReport[];
};

export async function killAgainAndAgain(scene: Scene, plan: KillsPlan): Promise<KillsResult> {
  const kills = new Kills(scene, plan, await freePort());
  for (let kill = 0; kill < plan.kills; kill += 1) await kills.lifeAndDeath();
  return kills.finish();
}

class Kills {
  readonly #scene: Scene;
  readonly #plan: KillsPlan;
  readonly #port: number;
  readonly #env: Environment;
  readonly #corpus: Corpus;
  readonly #random: () => number;
  readonly #clients: Clients[] = [];
  readonly #readyMs: number[] = [];
  readonly #wrongFiles: string[] = [];
  readonly #leftovers: string[] = [];
  #partial: readonly string[] = [];
  #mostPartial = 0;
  #mostBlobs = 0;

  constructor(scene: Scene, plan: KillsPlan, port: number) {
    this.#scene = scene;
    this.#plan = plan;
    this.#port = port;
    this.#env = { ...scene.env, CACHE_MAX_SIZE: "64 MiB", TAG_TTL: "500 ms" };
    this.#random = seededRandom(plan.seed);
    this.#corpus = fillRegistry(scene, manySizes(200, 2 * MiB));
    makeTrouble(scene, this.#corpus, plan.seed);
  }

  /** One run in five does not live to be ready. */
  async lifeAndDeath(): Promise<void> {
    const stressed = this.#spawn();
    const isStillborn = this.#random() < 0.2;
    const lifetime = this.#random() * (isStillborn ? 400 : 2_000);
    if (!isStillborn) await this.#live(stressed);
    await pause(lifetime);
    await stressed.kill();
    const kept = await inspectKept(this.#dataDir);
    this.#wrongFiles.push(...kept.wrong);
    this.#mostBlobs = Math.max(this.#mostBlobs, kept.blobs);
    this.#partial = await partialFiles(this.#dataDir);
    this.#mostPartial = Math.max(this.#mostPartial, this.#partial.length);
  }

  async finish(): Promise<KillsResult> {
    const reports = await Promise.all(this.#clients.map((clients) => clients.report()));
    const last = this.#spawn();
    await this.#live(last);
    await last.stop();
    this.#leftovers.push(...(await partialFiles(this.#dataDir)));
    return {
      readyMs: this.#readyMs,
      wrongFiles: this.#wrongFiles,
      leftovers: this.#leftovers,
      mostBlobs: this.#mostBlobs,
      mostPartial: this.#mostPartial,
      reports,
    };
  }

  async #live(stressed: Stressed): Promise<void> {
    this.#readyMs.push(await stressed.ready());
    const there = new Set(await partialFiles(this.#dataDir));
    this.#leftovers.push(...this.#partial.filter((name) => there.has(name)));
    if (this.#clients.length > 0) return;
    const { seed, clients } = this.#plan;
    const ways = [throughMirror(stressed), await throughProxy(this.#scene, stressed)];
    for (const [index, way] of ways.entries()) {
      const crowd = new Clients();
      crowd.mixed({ ...this.#corpus, ...way, seed: seed + index, clients });
      this.#clients.push(crowd);
    }
  }

  #spawn(): Stressed {
    return Stressed.spawn(this.#scene.folder, this.#port, this.#env);
  }

  get #dataDir(): string {
    return join(this.#scene.folder, "data");
  }
}
