/** The hosted registry, killed and started again and again while images are pushed to it. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "../../../support/free-port.ts";
import type { Environment } from "../../support/program.ts";
import { inspectKept } from "./kept.ts";
import { Pusher } from "./pusher.ts";
import { seededRandom } from "./seeded.ts";
import { Stressed } from "./stressed.ts";

export type PushKillsPlan = {
  readonly folder: string;
  readonly kills: number;
  readonly pushers: number;
  readonly seed: number;
};

export type PushKillsResult = {
  readonly acknowledged: { readonly blobs: number; readonly manifests: number };
  /** Pushes that a kill broke off. */
  readonly brokenOff: number;
  /** What was acknowledged and does not come back as it was, as sentences. */
  readonly lost: readonly string[];
  /** Final files with other bytes than their name says. */
  readonly wrongFiles: readonly string[];
  /** Uploads of an earlier run that a start had left. */
  readonly leftovers: readonly string[];
};

export async function killDuringPushes(plan: PushKillsPlan): Promise<PushKillsResult> {
  const { folder, kills, seed } = plan;
  const random = seededRandom(seed);
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const env: Environment = { HOSTED_HOSTS: host, HOSTED_ANONYMOUS_PUSH: "true" };
  const pushers = Array.from(
    { length: plan.pushers },
    (_, index) => new Pusher(host, seed + index),
  );
  const lost: string[] = [];
  const leftovers: string[] = [];
  for (let kill = 0; kill < kills; kill += 1) {
    const stressed = Stressed.spawn(folder, port, env);
    const before = new Set(await uploadsIn(folder));
    await stressed.ready();
    leftovers.push(...(await uploadsIn(folder)).filter((name) => before.has(name)));
    for (const pusher of pushers) lost.push(...(await pusher.checkLast()));
    const pushing = pushers.map((pusher) => pusher.pushUntilBroken());
    await pause(random() * 500);
    await stressed.kill();
    await Promise.all(pushing);
  }
  const { wrong } = await inspectKept(join(folder, "data"));
  const last = Stressed.spawn(folder, port, env);
  await last.ready();
  for (const pusher of pushers) lost.push(...(await pusher.checkAll()));
  await last.stop();
  const sum = (of: (pusher: Pusher) => number) =>
    pushers.reduce((total, pusher) => total + of(pusher), 0);
  return {
    acknowledged: {
      blobs: sum(({ blobs }) => blobs),
      manifests: sum(({ manifests }) => manifests),
    },
    brokenOff: sum((pusher) => pusher.brokenOff),
    lost,
    wrongFiles: wrong,
    leftovers,
  };
}

function uploadsIn(folder: string): Promise<string[]> {
  return readdir(join(folder, "data", "uploads")).catch(() => []);
}
