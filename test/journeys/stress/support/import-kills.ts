/** The program, killed and started again and again while images are imported into it. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { bring } from "../../../../src/app/commands/carry/bringing.ts";
import { entriesIn, imagesIn } from "../../../../src/app/commands/carry/layout-images.ts";
import { openSource } from "../../../../src/app/commands/carry/layout-source.ts";
import { CarryLine } from "../../../../src/app/commands/carry/line.ts";
import { AskError, askServer } from "../../../../src/app/commands/control.ts";
import { freePort } from "../../../support/free-port.ts";
import { inspectKept, keptBytes, partialFiles } from "./kept.ts";
import { below, seededBytes, seededRandom, sha256 } from "./seeded.ts";
import { Stressed } from "./stressed.ts";

export type ImportKillsPlan = {
  readonly folder: string;
  readonly kills: number;
  readonly seed: number;
  readonly world: "hosted" | "cached";
};

export type ImportKillsResult = {
  readonly world: ImportKillsPlan["world"];
  readonly acknowledged: number;
  /** Imports that a kill broke off. */
  readonly brokenOff: number;
  /** What was acknowledged and is not so, as sentences. */
  readonly lost: readonly string[];
  readonly wrongFiles: readonly string[];
  readonly partial: readonly string[];
  /** Bytes at the end beyond what is needed. */
  readonly left: number;
};

type Layout = { readonly path: string; readonly tag: string; readonly parts: readonly Buffer[] };

const types = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
};

export async function killDuringImports(plan: ImportKillsPlan): Promise<ImportKillsResult> {
  const [port, closed] = [await freePort(), await freePort()];
  const host = plan.world === "hosted" ? `127.0.0.1:${port}` : `127.0.0.1:${closed}`;
  const env = {
    ...(plan.world === "hosted" ? { HOSTED_HOSTS: host, HOSTED_LEASE: "0 s" } : {}),
    ...{ REGISTRIES: `127.0.0.1:${closed}`, UPSTREAM_ALLOW_ADDRESSES: "127.0.0.0/8" },
  };
  const spawn = () => Stressed.spawn(plan.folder, port, env);
  const random = seededRandom(plan.seed);
  const acknowledged: Layout[] = [];
  const broken: Layout[] = [];
  for (let kill = 0; kill < plan.kills; kill += 1) {
    const stressed = spawn();
    await stressed.ready();
    const first = Promise.withResolvers<void>();
    const round = { kill, host, dataDir: stressed.dataDir, acknowledged: first.resolve };
    const importing = importUntilBroken(plan, round, random);
    // Every other time before it can have loaded all that it needs.
    if (kill % 2 === 0) await first.promise;
    await pause(random() * 400);
    await stressed.kill();
    const { done, unfinished } = await importing;
    acknowledged.push(...done);
    broken.push(unfinished);
  }
  const last = spawn();
  await last.ready();
  const base = `http://127.0.0.1:${port}/v2/${plan.world === "hosted" ? "" : `${host}/`}team/app`;
  const there = await (plan.world === "hosted"
    ? keptOf(broken, last.dataDir, base)
    : broughtAgain(broken, last.dataDir, host));
  acknowledged.push(...there);
  const { lost, needed } = await checked(base, acknowledged);
  await last.stop();
  const { wrong } = await inspectKept(last.dataDir);
  return {
    ...{ world: plan.world, acknowledged: acknowledged.length, brokenOff: broken.length, lost },
    wrongFiles: wrong,
    partial: await partialFiles(last.dataDir),
    left: (await keptBytes(last.dataDir)) - needed,
  };
}

type Round = {
  readonly kill: number;
  readonly host: string;
  readonly dataDir: string;
  readonly acknowledged: () => void;
};

/** One after the other, until the server is gone. */
async function importUntilBroken(plan: ImportKillsPlan, round: Round, random: () => number) {
  const done: Layout[] = [];
  for (let count = 0; ; count += 1) {
    const tag = `t${round.kill}-${count}`;
    const layout = await makeLayout(join(plan.folder, "layouts", tag), tag, random);
    try {
      await broughtBy(round.dataDir, layout, round.host);
      done.push(layout);
      round.acknowledged();
    } catch (error) {
      if (!(error instanceof AskError)) throw error;
      return { done, unfinished: layout };
    }
  }
}

/** By that very server, and by nobody once it is gone. */
async function broughtBy(dataDir: string, { path, tag }: Layout, host: string): Promise<void> {
  const source = await openSource(path);
  const name = `${host}/team/app`;
  const entries = (await entriesIn(path, source)) ?? [];
  const images = await imagesIn(path, source, entries, `${name}:${tag}`);
  const brought = { blobs: 0, bytes: 0, there: 0 };
  const progress = { tell: () => undefined };
  await bring(new CarryLine(dataDir), { to: { name }, source, images, brought, progress });
}

async function collect(dataDir: string): Promise<void> {
  const asked = { dataDir, settingsFile: undefined, envFile: undefined, environment: {} };
  await askServer(asked, { path: "gc", body: { untaggedAfter: 0 }, isLong: true });
}

/** What the cache has of an image that never came whole is of use to the next who brings it. */
async function broughtAgain(broken: readonly Layout[], dataDir: string, host: string) {
  for (const layout of broken) await broughtBy(dataDir, layout, host);
  return broken;
}

/**
 * Of those broken off the ones that a collection leaves: killed between the tag, which comes last, and the
 * word that it is here. All of such an image has to be.
 */
async function keptOf(broken: readonly Layout[], dataDir: string, base: string) {
  await collect(dataDir);
  const kept: Layout[] = [];
  for (const layout of broken) {
    const { status } = await fetch(`${base}/manifests/${layout.tag}`, { method: "HEAD" });
    if (status === 200) kept.push(layout);
    else if (status !== 404) throw new Error(`${layout.tag}: ${status}`);
  }
  return kept;
}

async function checked(base: string, layouts: readonly Layout[]) {
  const lost: string[] = [];
  const needed = new Map<string, number>();
  for (const { tag, parts } of layouts) {
    const [manifest = Buffer.alloc(0), ...blobs] = parts;
    const wanted: readonly (readonly [string, Buffer])[] = [
      [`manifests/${tag}`, manifest],
      ...blobs.map((blob) => [`blobs/${sha256(blob)}`, blob] as const),
    ];
    for (const [path, bytes] of wanted) {
      const answer = await fetch(`${base}/${path}`);
      const isRight = Buffer.from(await answer.arrayBuffer()).equals(bytes);
      if (!isRight) lost.push(`${tag} ${path}: ${answer.status}`);
      needed.set(sha256(bytes), bytes.length);
    }
  }
  return { lost, needed: [...needed.values()].reduce((sum, bytes) => sum + bytes, 0) };
}

async function makeLayout(path: string, tag: string, random: () => number): Promise<Layout> {
  const layers = [1, 2, 3].map((layer) =>
    seededBytes(`${tag} ${layer} ${path}`, 1_000 + below(random, 500_000)),
  );
  const config = Buffer.from(JSON.stringify({ tag }));
  const described = (mediaType: string, bytes: Buffer) => ({
    ...{ mediaType, digest: sha256(bytes), size: bytes.length },
  });
  const manifest = Buffer.from(
    JSON.stringify({
      ...{ schemaVersion: 2, mediaType: types.manifest, config: described(types.config, config) },
      layers: layers.map((layer) => described(types.layer, layer)),
    }),
  );
  const parts = [manifest, config, ...layers];
  await mkdir(join(path, "blobs", "sha256"), { recursive: true });
  for (const bytes of parts) {
    await writeFile(join(path, "blobs", "sha256", sha256(bytes).slice("sha256:".length)), bytes);
  }
  const list = { schemaVersion: 2, manifests: [described(types.manifest, manifest)] };
  await writeFile(join(path, "index.json"), JSON.stringify(list));
  await writeFile(join(path, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  return { path, tag, parts };
}
