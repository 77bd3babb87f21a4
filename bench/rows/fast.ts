/**
 * The rows with an upstream that is faster than any cache, on free cores: each round a new blob, who
 * fetches it when in an order of chance, and a rest between. Pinned or back to back the verdict flips.
 */
import { loadavg } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { fixed, median, megabytes, type Row, shuffled, tolerance } from "../measure.ts";
import { type FastScene, limited, openFastScene, type Way } from "../parts/fast-scene.ts";
import type { Scene } from "../parts/scene.ts";

const MiB = 1024 * 1024;
const size = 256 * MiB;
const rest = 700;
const parts = 16;

type Seen = { readonly speed: number; readonly cpu: number; readonly sent: number };
type Fetch = (digest: string) => Promise<number>;

/** What each of `fetches` made of every round's new blob. */
async function rounds<Name extends string>(
  fast: FastScene,
  fetches: Readonly<Record<Name, Fetch>>,
  count: number,
): Promise<Record<Name, Seen[]>> {
  const names = Object.keys(fetches) as Name[];
  const seen = Object.fromEntries(names.map((name) => [name, [] as Seen[]])) as Record<
    Name,
    Seen[]
  >;
  for (let round = 0; round <= count; round += 1) {
    const digest = await fast.blob(size);
    for (const name of shuffled(names)) {
      await pause(rest);
      await fast.sent();
      const before = fast.entrepot.cpuSeconds();
      const seconds = await fetches[name](digest);
      await pause(100); // what is left to do behind the client's back
      const cpu = (fast.entrepot.cpuSeconds() - before) / (size / 1e9);
      const sent = (await fast.sent()) / size;
      // The first round warms everybody up.
      if (round > 0) seen[name].push({ speed: size / seconds, cpu, sent });
    }
  }
  return seen;
}

function check(bytes: number, wanted: number, status: number): void {
  if (bytes !== wanted || status >= 300) throw new Error(`${bytes} of ${wanted} bytes, ${status}`);
}

function whole(fast: FastScene, way: Way): Fetch {
  return async (digest) => {
    const one = await fast.transfer(way, `/v2/fast/app/blobs/${digest}`);
    check(one.bytes, size, one.status);
    return one.seconds;
  };
}

/** All sixteenths of it at once. */
function inParts(fast: FastScene, way: Way, repository: string): Fetch {
  return async (digest) => {
    const each = size / parts;
    const began = performance.now();
    const all = await Promise.all(
      Array.from({ length: parts }, (_, index) =>
        fast.transfer(
          way,
          `/v2/${repository}/app/blobs/${digest}`,
          `${index * each}-${(index + 1) * each - 1}`,
        ),
      ),
    );
    for (const one of all) check(one.bytes, each, one.status);
    return (performance.now() - began) / 1000;
  };
}

const speedOf = (seen: readonly Seen[]): number => median(seen.map(({ speed }) => speed));
const ratioOf = (ours: readonly Seen[], theirs: readonly Seen[]): number =>
  median(ours.map(({ speed }, index) => speed / (theirs[index]?.speed ?? Number.NaN)));

function against(
  what: { readonly work: string; readonly peer: string },
  ours: readonly Seen[],
  theirs: readonly Seen[],
  bar: number | undefined,
): Row {
  const ratio = ratioOf(ours, theirs);
  return {
    work: what.work,
    ours: megabytes(speedOf(ours)),
    peer: `${what.peer} ${megabytes(speedOf(theirs))}`,
    ratio: fixed(ratio),
    bar: bar === undefined ? "" : `≥ ${bar}`,
    isMet: bar === undefined ? undefined : ratio >= (bar === 1 ? tolerance : bar),
  };
}

function bytesRow(seen: readonly Seen[], most: number): Row {
  const sent = median(seen.map((each) => each.sent));
  const bar = most === 1 ? "1.00 ×" : `≤ ${most} ×`;
  const isMet = sent <= most + 0.005;
  return {
    ...{ work: "  upstream bytes per blob", ours: `${fixed(sent, 3)} ×`, peer: "–", ratio: "–" },
    ...{ bar, isMet },
  };
}

function loadRow(): Row {
  const ours = loadavg()
    .map((load) => fixed(load, 1))
    .join(" ");
  return { work: "  load of the machine", ours, peer: "–", ratio: "–", bar: "", isMet: undefined };
}

async function onFastScene(
  scene: Scene,
  measure: (fast: FastScene) => Promise<Row[]>,
): Promise<Row[]> {
  const fast = await openFastScene(scene);
  try {
    return [...(await measure(fast)), loadRow()];
  } finally {
    await fast.close();
  }
}

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
      bytesRow(ours, 1),
    ];
  });
}

export async function parallelRanges(scene: Scene, count: number): Promise<Row[]> {
  return await onFastScene(scene, async (fast) => {
    const { entrepot, direct, slices } = fast.ways;
    const free = await rounds(
      fast,
      {
        ours: inParts(fast, entrepot, "fast"),
        direct: inParts(fast, direct, "fast"),
        slices: inParts(fast, slices, "fast"),
      },
      Math.min(count, 5),
    );
    const each = await rounds(
      fast,
      { ours: inParts(fast, entrepot, "limited"), direct: inParts(fast, direct, "limited") },
      Math.min(count, 5),
    );
    const limit = `${Math.round(limited / 1e6)} MB/s`;
    return [
      against(
        { work: "16 ranges of a cold blob, fast upstream", peer: "direct" },
        ...[free.ours, free.direct, undefined],
      ),
      against({ work: "  beside nginx", peer: "nginx slices" }, free.ours, free.slices, undefined),
      bytesRow(free.ours, 1.05),
      against(
        { work: `  each connection at ${limit}`, peer: "direct" },
        ...[each.ours, each.direct, 1],
      ),
      bytesRow(each.ours, 1.05),
    ];
  });
}
