/**
 * The rows about the first byte of a cold blob, beside a direct request: on a connection that stands and
 * with a new one, and for whoever comes first after a start.
 */
import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { createSecureContext } from "node:tls";
import { fileURLToPath } from "node:url";
import { fixed, median, type Row } from "../measure.ts";
import { firstByte, open, type Target } from "../parts/load.ts";
import { type Running, start } from "../parts/running.ts";
import { entrepotEnvironment, ports, type Scene } from "../parts/scene.ts";

const size = 4 * 1024 * 1024;
const blobs = 25;
const starts = 5;
const ownPort = 13328;
/** What a start does once it is ready is over then. So long a rest alone makes a direct request about twice as long. */
const settled = 2_000;

/** Milliseconds to the first byte: from the request, and from before the connection was made. */
type Times = { readonly established: number; readonly fresh: number };

async function direct(scene: Scene): Promise<Target> {
  const host = `127.0.0.1:${ports.upstream}`;
  const secureContext = createSecureContext({ ca: scene.ca });
  return { port: ports.upstream, secureContext, path: "/", host, bodyBytes: size };
}

async function through(scene: Scene, port: number, data: string): Promise<Target> {
  const host = `127.0.0.1:${ports.upstream}`;
  const ca = await readFile(`${scene.folder}/${data}/ca/ca.crt`, "utf8");
  const secureContext = createSecureContext({ ca });
  return { port, authority: host, secureContext, path: "/", host, bodyBytes: size };
}

async function newBlob(scene: Scene): Promise<string> {
  return `/v2/rate100/app/blobs/${(await scene.image(size)).blob}`;
}

async function withNewConnection(scene: Scene, target: Target): Promise<Times> {
  const path = await newBlob(scene);
  const began = performance.now();
  const socket = await open(target);
  const connected = performance.now() - began;
  const established = await firstByte(socket, { ...target, path });
  socket.destroy();
  return { established, fresh: connected + established };
}

type Way = { readonly target: Target; readonly socket: Socket; readonly times: Times[] };

async function wayOf(target: Target): Promise<Way> {
  return { target, socket: await open(target), times: [] };
}

/** Each way in turn: a blob over the connection that it keeps, and one over a new connection. */
async function inTurn(scene: Scene, ways: readonly Way[], count: number): Promise<void> {
  for (let round = -1; round < count; round += 1) {
    for (const { target, socket, times } of ways) {
      const path = await newBlob(scene);
      const established = await firstByte(socket, { ...target, path });
      const { fresh } = await withNewConnection(scene, target);
      if (round >= 0) times.push({ established, fresh });
    }
  }
  for (const { socket } of ways) socket.destroy();
}

type Bar = number | undefined;

function row(work: string, its: readonly number[], theirs: readonly number[], bar: Bar): Row {
  const extra = median(its) - median(theirs);
  return {
    work,
    ours: `${fixed(median(its), 1)} ms`,
    peer: `direct ${fixed(median(theirs), 1)} ms`,
    ratio: `+${fixed(extra, 1)} ms`,
    bar: bar === undefined ? "" : `≤ +${bar} ms`,
    isMet: bar === undefined ? undefined : extra <= bar,
  };
}

function startOne({ folder }: Scene): Promise<Running> {
  return start({
    command: process.execPath,
    args: [
      "--max-semi-space-size=8",
      "--v8-pool-size=1",
      fileURLToPath(new URL("../../dist/app/main.js", import.meta.url)),
    ],
    env: {
      ...entrepotEnvironment(folder),
      PORT: String(ownPort),
      DATA_DIR: `${folder}/first-data`,
    },
    ...{ core: 0, port: ownPort, log: `${folder}/first-entrepot.log` },
  });
}

/** Makes the CA, and has the registry known if it `isKnown`. */
async function firstStart(scene: Scene, isKnown: boolean): Promise<Target> {
  const entrepot = await startOne(scene);
  const target = await through(scene, ownPort, "first-data");
  if (isKnown) {
    const socket = await open(target);
    await firstByte(socket, { ...target, path: "/v2/", bodyBytes: 2 });
    socket.destroy();
  }
  await entrepot.stop();
  return target;
}

/** What a rest costs a server that has pulled, beside a direct request after as long a one. */
async function afterRests(scene: Scene, ours: Target, theirs: Target): Promise<Beside> {
  const beside: Beside = { ours: [], theirs: [] };
  for (let count = 0; count < starts; count += 1) {
    await pause(settled);
    beside.ours.push(await withNewConnection(scene, ours));
    await pause(settled);
    beside.theirs.push(await withNewConnection(scene, theirs));
  }
  return beside;
}

type Beside = { readonly ours: Times[]; readonly theirs: Times[] };

/** Of each start the first request of all, and a direct one after as long a rest. */
async function afterStarts(scene: Scene, isKnown: boolean): Promise<Beside> {
  const target = await firstStart(scene, isKnown);
  const beside: Beside = { ours: [], theirs: [] };
  for (let count = 0; count < starts; count += 1) {
    const entrepot = await startOne(scene);
    await pause(settled);
    beside.ours.push(await withNewConnection(scene, target));
    await entrepot.stop();
    await pause(settled);
    beside.theirs.push(await withNewConnection(scene, await direct(scene)));
  }
  return beside;
}

function rowsOf(
  [first, second]: readonly [string, string],
  { ours, theirs }: Beside,
  bar: Bar,
): Row[] {
  const established = (times: readonly Times[]) => times.map((each) => each.established);
  const fresh = (times: readonly Times[]) => times.map((each) => each.fresh);
  return [
    row(first, established(ours), established(theirs), bar),
    row(second, fresh(ours), fresh(theirs), bar),
  ];
}

export async function firstBytes(scene: Scene): Promise<Row[]> {
  const theirs = await wayOf(await direct(scene));
  const ours = await wayOf(await through(scene, ports.entrepot, "data"));
  await inTurn(scene, [theirs, ours], blobs);
  const always = { ours: ours.times, theirs: theirs.times };
  const rested = await afterRests(scene, ours.target, theirs.target);
  const firsts = await afterStarts(scene, false);
  const known = await afterStarts(scene, true);
  const same = "  the same with a new connection";
  return [
    ...rowsOf(["first byte of a cold blob", "  with a new connection"], always, 5),
    ...rowsOf(["  after a rest of two seconds", same], rested, undefined),
    ...rowsOf(["  the first after a start", same], firsts, 10),
    ...rowsOf(["  the first after a restart, of a registry known", same], known, 10),
  ];
}
