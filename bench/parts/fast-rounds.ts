/**
 * Rounds of transfers of a cold blob: each round a new one, who fetches it when in an order of chance, and each
 * on a machine that is quiet and has memory at hand. Pinned or back to back the verdict flips.
 */
import { loadavg } from "node:os";
import { fixed, median, megabytes, type Row, shuffled, tolerance } from "../measure.ts";
import type { Transfer } from "./curl.ts";
import { type FastScene, openFastScene, type Way } from "./fast-scene.ts";
import { quiet, touchMemory } from "./quiet.ts";
import type { Scene } from "./scene.ts";

const MiB = 1024 * 1024;
const size = 256 * MiB;
/** What a transfer takes of memory: the file, and what is on its way. */
const needed = 800;
const parts = 16;

export type Seen = {
  readonly speed: number;
  readonly cpu: number;
  readonly sent: number;
  /** Of several requests the last one's first byte, in milliseconds. */
  readonly firstByte: number;
};
type Fetched = { readonly seconds: number; readonly firstByte: number };
type Fetch = (digest: string) => Promise<Fetched>;

/** What each of `fetches` made of every round's new blob. */
export async function rounds<Name extends string>(
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
      await quiet();
      await fast.sent();
      touchMemory(fast.folder, needed);
      const before = fast.entrepot.cpuSeconds();
      const { seconds, firstByte } = await fetches[name](digest);
      await quiet(); // what is left to do behind the client's back
      const cpu = (fast.entrepot.cpuSeconds() - before) / (size / 1e9);
      const sent = (await fast.sent()) / size;
      // The first round warms everybody up.
      if (round > 0) seen[name].push({ speed: size / seconds, cpu, sent, firstByte });
    }
  }
  return seen;
}

function check(bytes: number, wanted: number, status: number): void {
  if (bytes !== wanted || status >= 300) throw new Error(`${bytes} of ${wanted} bytes, ${status}`);
}

export function whole(fast: FastScene, way: Way): Fetch {
  return async (digest) => {
    const one = await fast.transfer(way, `/v2/fast/app/blobs/${digest}`);
    check(one.bytes, size, one.status);
    return { seconds: one.seconds, firstByte: one.firstByteMs };
  };
}

/** All sixteenths of a blob at once. */
export async function sixteenths(
  bytes: number,
  transfer: (range: string) => Promise<Transfer>,
): Promise<Fetched> {
  const each = bytes / parts;
  const began = performance.now();
  const all = await Promise.all(
    Array.from({ length: parts }, (_, index) =>
      transfer(`${index * each}-${(index + 1) * each - 1}`),
    ),
  );
  for (const one of all) check(one.bytes, each, one.status);
  const firstByte = Math.max(...all.map(({ firstByteMs }) => firstByteMs));
  return { seconds: (performance.now() - began) / 1000, firstByte };
}

export function inParts(fast: FastScene, way: Way, repository: string): Fetch {
  return (digest) =>
    sixteenths(size, (range) => fast.transfer(way, `/v2/${repository}/app/blobs/${digest}`, range));
}

const speedOf = (seen: readonly Pick<Seen, "speed">[]): number =>
  median(seen.map(({ speed }) => speed));
const ratioOf = (
  ours: readonly Pick<Seen, "speed">[],
  theirs: readonly Pick<Seen, "speed">[],
): number => median(ours.map(({ speed }, index) => speed / (theirs[index]?.speed ?? Number.NaN)));

export function against(
  what: { readonly work: string; readonly peer: string },
  ours: readonly Pick<Seen, "speed">[],
  theirs: readonly Pick<Seen, "speed">[],
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

const sentBy = (seen: readonly Seen[]): number => median(seen.map((each) => each.sent));

/** `peer`: whom else the upstream sent something. */
export function bytesRow(
  seen: readonly Seen[],
  most: number,
  peer?: { readonly name: string; readonly seen: readonly Seen[] },
): Row {
  const sent = sentBy(seen);
  const theirs = peer === undefined ? "–" : `${peer.name} ${fixed(sentBy(peer.seen), 3)} ×`;
  const bar = most === 1 ? "1.00 ×" : `≤ ${most} ×`;
  const isMet = sent <= most + 0.005;
  return {
    ...{ work: "  upstream bytes per blob", ours: `${fixed(sent, 3)} ×`, peer: theirs, ratio: "–" },
    ...{ bar, isMet },
  };
}

export function loadRow(): Row {
  const ours = loadavg()
    .map((load) => fixed(load, 1))
    .join(" ");
  return { work: "  load of the machine", ours, peer: "–", ratio: "–", bar: "", isMet: undefined };
}

/** How much later a range's first byte came than a direct request's. */
export function firstByteRow(
  ours: readonly Pick<Seen, "firstByte">[],
  theirs: readonly Pick<Seen, "firstByte">[],
): Row {
  const [its, direct] = [ours, theirs].map((all) => median(all.map((each) => each.firstByte)));
  const extra = (its ?? Number.NaN) - (direct ?? Number.NaN);
  return {
    work: "  the last range's first byte",
    ours: `${fixed(its ?? Number.NaN, 0)} ms`,
    peer: `direct ${fixed(direct ?? Number.NaN, 0)} ms`,
    ratio: `+${fixed(extra, 0)} ms`,
    bar: "≤ +150 ms",
    isMet: extra <= 150,
  };
}

/** Rows that need the fast upstream, with the machine's load. */
export async function onFastScene(
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
