/** The rows with an upstream that is faster than any cache, on free cores. */
import { createSecureContext } from "node:tls";
import { fixed, median, type Row, shuffled } from "../measure.ts";
import { against, bytesRow, onFastScene, rounds, whole } from "../parts/fast-rounds.ts";
import { type FastScene, fastPorts } from "../parts/fast-scene.ts";
import { pacedDuring, type Target } from "../parts/load.ts";
import { floorBytes, ports, type Scene } from "../parts/scene.ts";

export async function coldFast(scene: Scene, count: number): Promise<Row[]> {
  return await onFastScene(scene, async (fast) => {
    const { entrepot, direct, registry, nginx } = fast.ways;
    const fetches = {
      ours: whole(fast, entrepot),
      direct: whole(fast, direct),
      registry: whole(fast, registry),
      nginx: whole(fast, nginx),
    };
    const seen = await rounds(fast, fetches, count + 1);
    const { ours } = seen;
    const work = "cold blob 256 MiB, fast upstream, free cores";
    const cpu = median(ours.map((each) => each.cpu));
    return [
      against({ work, peer: "docker-registry proxy" }, ours, seen.registry, 1),
      against({ work: "  beside nginx", peer: "nginx MITM" }, ours, seen.nginx, 0.65),
      against({ work: "  beside nobody", peer: "direct" }, ours, seen.direct, undefined),
      {
        ...{ work: "  CPU seconds per GB", ours: fixed(cpu), peer: "–", ratio: "–", bar: "" },
        isMet: undefined,
      },
      bytesRow(ours, 1, { name: "docker-registry proxy", seen: seen.registry }),
    ];
  });
}

const MiB = 1024 * 1024;
const large = 512 * MiB;
const pace = { connections: 16, perSecond: 400 };

async function targets(scene: Scene, fast: FastScene): Promise<Record<"ours" | "floor", Target>> {
  const { digest, bytes } = await fast.manifest();
  const host = `127.0.0.1:${fastPorts.upstream}`;
  const path = `/v2/fast/app/manifests/${digest}`;
  const secureContext = createSecureContext({ ca: await fast.authority() });
  const its = createSecureContext({ ca: scene.ca });
  return {
    ours: {
      port: fastPorts.entrepot,
      authority: host,
      secureContext,
      path,
      host,
      bodyBytes: bytes,
    },
    floor: { port: ports.floor, secureContext: its, path, host, bodyBytes: floorBytes },
  };
}

async function besidePull(fast: FastScene, target: Target): Promise<number> {
  const path = `/v2/fast/app/blobs/${await fast.blob(large)}`;
  const pull = fast.transfer(fast.ways.entrepot, path);
  const { p99 } = await pacedDuring(target, pace, pull);
  if ((await pull).bytes !== large) throw new Error("the pull beside it broke off");
  return p99;
}

/** What others wait for a manifest that is kept while a cold blob comes in as fast as it can. */
export async function manifestsBesideCold(scene: Scene, count: number): Promise<Row[]> {
  return await onFastScene(scene, async (fast) => {
    const all = await targets(scene, fast);
    const late: Record<keyof typeof all, number[]> = { ours: [], floor: [] };
    for (let round = -1; round < Math.min(count, 3); round += 1) {
      for (const name of shuffled(["ours", "floor"] as const)) {
        const p99 = await besidePull(fast, all[name]);
        if (round >= 0) late[name].push(p99);
      }
    }
    const p99 = median(late.ours);
    return [
      {
        work: "manifest hit while a cold blob comes in: p99",
        ours: `${fixed(p99, 1)} ms`,
        peer: `node:https beside it ${fixed(median(late.floor), 1)} ms`,
        ratio: "–",
        bar: "≤ 10 ms",
        isMet: p99 <= 10,
      },
    ];
  });
}
