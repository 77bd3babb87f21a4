/** The rows with sixteen ranges of one cold blob at once, beside the direct parallel pull. */
import { setTimeout as pause } from "node:timers/promises";
import { type Row, shuffled } from "../measure.ts";
import { direct, throughProxy } from "../parts/curl.ts";
import {
  against,
  bytesRow,
  firstByteRow,
  inParts,
  onFastScene,
  rounds,
  sixteenths,
} from "../parts/fast-rounds.ts";
import { limits } from "../parts/fast-scene.ts";
import { ports, type Scene } from "../parts/scene.ts";

export async function parallelRanges(scene: Scene, count: number): Promise<Row[]> {
  return await onFastScene(scene, async (fast) => {
    const { ways } = fast;
    const free = await rounds(
      fast,
      {
        ours: inParts(fast, ways.entrepot, "fast"),
        direct: inParts(fast, ways.direct, "fast"),
        slices: inParts(fast, ways.slices, "fast"),
      },
      Math.min(count, 5),
    );
    const each: Row[] = [];
    for (const [repository, limit] of Object.entries(limits)) {
      const seen = await rounds(
        fast,
        {
          ours: inParts(fast, ways.entrepot, repository),
          direct: inParts(fast, ways.direct, repository),
        },
        Math.min(count, 5),
      );
      const work = `  each connection at ${Math.round(limit / 1e6)} MB/s`;
      each.push(against({ work, peer: "direct" }, seen.ours, seen.direct, 1));
      each.push(bytesRow(seen.ours, 1.05), firstByteRow(seen.ours, seen.direct));
    }
    return [
      against(
        { work: "16 ranges of a cold blob, fast upstream", peer: "direct" },
        ...[free.ours, free.direct, undefined],
      ),
      against({ work: "  beside nginx", peer: "nginx slices" }, free.ours, free.slices, undefined),
      bytesRow(free.ours, 1.05),
      ...each,
    ];
  });
}

const mostRounds = 5;
const rest = 700;
const size = 64 * 1024 * 1024;

/** An upstream that sends 100 MB/s in all, over however many connections. */
export async function limitedSum(scene: Scene, count: number): Promise<Row[]> {
  const blob = async (): Promise<string> => {
    const image = await scene.image(size);
    return `/v2/rate100/app/blobs/${image.blob}`;
  };
  const ways = {
    ours: (path: string, range: string) => throughProxy(scene, path, range),
    direct: (path: string, range: string) => direct(scene, ports.upstream, path, range),
  };
  type Seen = { readonly speed: number; readonly firstByte: number };
  const seen: Record<keyof typeof ways, Seen[]> = { ours: [], direct: [] };
  for (let round = -1; round < Math.min(count, mostRounds); round += 1) {
    for (const name of shuffled(["ours", "direct"] as const)) {
      await pause(rest);
      const path = await blob();
      const { seconds, firstByte } = await sixteenths(size, (range) => ways[name](path, range));
      if (round >= 0) seen[name].push({ speed: size / seconds, firstByte });
    }
  }
  const work = "16 ranges of a cold blob, 100 MB/s in all";
  return [
    against({ work, peer: "direct" }, seen.ours, seen.direct, 0.97),
    firstByteRow(seen.ours, seen.direct),
  ];
}
