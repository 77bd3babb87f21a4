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
/** What a start does once it is ready is over then. */
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

function row(work: string, its: readonly number[], theirs: readonly number[], bar: number): Row {
  const extra = median(its) - median(theirs);
  return {
    work,
    ours: `${fixed(median(its), 1)} ms`,
    peer: `direct ${fixed(median(theirs), 1)} ms`,
    ratio: `+${fixed(extra, 1)} ms`,
    bar: `≤ +${bar} ms`,
    isMet: extra <= bar,
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

/** Of each start the first request of all. */
async function afterStarts(scene: Scene, isKnown: boolean): Promise<Times[]> {
  const target = await firstStart(scene, isKnown);
  const all: Times[] = [];
  for (let count = 0; count < starts; count += 1) {
    const entrepot = await startOne(scene);
    await pause(settled);
    all.push(await withNewConnection(scene, target));
    await entrepot.stop();
  }
  return all;
}

export async function firstBytes(scene: Scene): Promise<Row[]> {
  const theirs = await wayOf(await direct(scene));
  const ours = await wayOf(await through(scene, ports.entrepot, "data"));
  await inTurn(scene, [theirs, ours], blobs);
  const firsts = await afterStarts(scene, false);
  const known = await afterStarts(scene, true);
  const established = (times: readonly Times[]) => times.map((each) => each.established);
  const fresh = (times: readonly Times[]) => times.map((each) => each.fresh);
  const before = [established(theirs.times), fresh(theirs.times)] as const;
  return [
    row("first byte of a cold blob", established(ours.times), before[0], 5),
    row("  with a new connection", fresh(ours.times), before[1], 5),
    row("  the first after a start", established(firsts), before[0], 10),
    row("  the same with a new connection", fresh(firsts), before[1], 10),
    row("  the first after a restart, of a registry known", established(known), before[0], 10),
    row("  the same with a new connection", fresh(known), before[1], 10),
  ];
}
