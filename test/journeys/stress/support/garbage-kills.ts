/** The hosted registry, killed and started again and again while images are deleted and garbage is collected. */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { askServer } from "../../../../src/app/commands/control.ts";
import { freePort } from "../../../support/free-port.ts";
import { inspectKept, keptBytes } from "./kept.ts";
import { below, seededBytes, seededRandom, sha256 } from "./seeded.ts";
import { Stressed } from "./stressed.ts";

export type GarbageKillsPlan = {
  readonly folder: string;
  readonly kills: number;
  readonly seed: number;
};

export type GarbageKillsResult = {
  readonly kept: number;
  readonly deleted: number;
  /** Collections and deletions that a kill broke off. */
  readonly brokenOff: number;
  /** What was acknowledged and is not so, as sentences. */
  readonly lost: readonly string[];
  readonly wrongFiles: readonly string[];
  /** Bytes that the last collection left beyond what is needed. */
  readonly left: number;
};

type Pushed = { readonly tag: string; readonly manifest: string; readonly layer: Buffer };

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const config = Buffer.from("{}");
const imagesEachRound = 6;

export async function killDuringGarbage(plan: GarbageKillsPlan): Promise<GarbageKillsResult> {
  const port = await freePort();
  const registry = new Registry(port, plan.seed);
  const env = { HOSTED_HOSTS: `127.0.0.1:${port}`, HOSTED_ANONYMOUS_PUSH: "true" };
  // No lease: what is deleted goes at once, as it would after an hour.
  const spawn = () => Stressed.spawn(plan.folder, port, { ...env, HOSTED_LEASE: "0 s" });
  const random = seededRandom(plan.seed);
  for (let kill = 0; kill < plan.kills; kill += 1) {
    const stressed = spawn();
    await stressed.ready();
    await registry.push(imagesEachRound);
    const working = kill % 2 === 0 ? registry.deleteUntilBroken() : registry.deleteSome();
    if (kill % 2 === 1) await working;
    const collecting = collect(stressed.dataDir).catch(() => registry.brokeOff());
    await pause(random() * 150);
    await stressed.kill();
    await Promise.all([working, collecting]);
  }
  const last = spawn();
  await last.ready();
  await collect(last.dataDir);
  const needed = await registry.check();
  await last.stop();
  const dataDir = join(plan.folder, "data");
  const { wrong } = await inspectKept(dataDir);
  const { kept, deleted, brokenOff, lost } = registry;
  return {
    kept,
    deleted,
    brokenOff,
    lost,
    wrongFiles: wrong,
    left: (await keptBytes(dataDir)) - needed,
  };
}

async function collect(dataDir: string): Promise<void> {
  const body = { untaggedAfter: 0 };
  const asked = { dataDir, settingsFile: undefined, envFile: undefined, environment: {} };
  await askServer(asked, { path: "gc", body, isLong: true });
}

class Registry {
  readonly lost: string[] = [];
  brokenOff = 0;
  readonly #gone: string[] = [];
  readonly #base: string;
  readonly #random: () => number;
  readonly #images = new Map<string, Pushed>();
  /** Asked to go, and never answered. */
  readonly #maybe = new Set<Pushed>();
  #count = 0;

  constructor(port: number, seed: number) {
    this.#base = `http://127.0.0.1:${port}/v2/team/app`;
    this.#random = seededRandom(seed);
  }

  get kept(): number {
    return this.#images.size;
  }

  get deleted(): number {
    return this.#gone.length;
  }

  brokeOff(): void {
    this.brokenOff += 1;
  }

  async push(count: number): Promise<void> {
    for (let each = 0; each < count; each += 1) {
      this.#count += 1;
      const layer = seededBytes(`layer ${this.#count}`, 1_000 + below(this.#random, 20_000));
      for (const bytes of [config, layer]) await this.#upload(bytes);
      const manifest = manifestOf(layer);
      const tag = `t${this.#count}`;
      const headers = { "content-type": manifestType };
      await this.#ask(201, `manifests/${tag}`, { method: "PUT", headers, body: manifest });
      this.#images.set(tag, { tag, manifest, layer });
    }
  }

  /** Some stay. */
  async deleteSome(): Promise<void> {
    const all = [...this.#images.values()];
    for (const image of all.slice(0, imagesEachRound - 1)) await this.#delete(image);
  }

  async deleteUntilBroken(): Promise<void> {
    try {
      await this.deleteSome();
    } catch (error) {
      // That is how fetch tells of a connection that broke.
      if (!(error instanceof TypeError)) throw error;
      this.brokenOff += 1;
    }
  }

  /** Bytes that are needed still. */
  async check(): Promise<number> {
    await this.#checkGone();
    const needed = new Map<string, number>();
    for (const { tag, manifest, layer } of [...this.#images.values(), ...this.#maybe]) {
      const answer = await fetch(`${this.#base}/manifests/${tag}`);
      const text = await answer.text();
      const isMaybe = !this.#images.has(tag);
      if (isMaybe && answer.status === 404) continue;
      if (text !== manifest) this.lost.push(`tag ${tag}: ${answer.status}`);
      const blob = await fetch(`${this.#base}/blobs/${sha256(layer)}`);
      const isRight = Buffer.from(await blob.arrayBuffer()).equals(layer);
      if (!isRight) this.lost.push(`layer of ${tag}: ${blob.status}`);
      for (const bytes of [config, layer, Buffer.from(manifest)])
        needed.set(sha256(bytes), bytes.length);
    }
    return [...needed.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  async #checkGone(): Promise<void> {
    for (const tag of this.#gone) {
      const { status } = await fetch(`${this.#base}/manifests/${tag}`);
      if (status !== 404) this.lost.push(`tag ${tag} is back: ${status}`);
    }
  }

  async #delete(image: Pushed): Promise<void> {
    this.#images.delete(image.tag);
    this.#maybe.add(image);
    const digest = sha256(Buffer.from(image.manifest));
    await this.#ask(202, `manifests/${digest}`, { method: "DELETE" });
    this.#maybe.delete(image);
    this.#gone.push(image.tag);
  }

  async #upload(bytes: Buffer): Promise<void> {
    const body = new Uint8Array(bytes);
    await this.#ask(201, `blobs/uploads/?digest=${sha256(bytes)}`, { method: "POST", body });
  }

  async #ask(wanted: number, path: string, asked: RequestInit): Promise<void> {
    const answer = await fetch(`${this.#base}/${path}`, asked);
    const text = await answer.text();
    if (answer.status === wanted) return;
    throw new Error(`${asked.method} ${path} is ${answer.status} and not ${wanted}: ${text}`);
  }
}

function manifestOf(layer: Buffer): string {
  return JSON.stringify({
    ...{ schemaVersion: 2, mediaType: manifestType },
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      ...{ digest: sha256(config), size: config.length },
    },
    layers: [
      {
        mediaType: "application/vnd.oci.image.layer.v1.tar",
        ...{ digest: sha256(layer), size: layer.length },
      },
    ],
  });
}
