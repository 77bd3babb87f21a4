/** A thousand clients that want the same blob at once, or that stop in the middle of it. */
import { createSecureContext } from "node:tls";
import type { HerdJob, HerdReport, StopJob, Told, WayJob } from "./jobs.ts";
import { openWay, type Pulled, pullOver, requestText, type Way } from "./raw-pull.ts";

/** Handshakes that run at the same time: on a busy machine the last of a thousand would take its ten seconds. */
const shakingAtOnce = 64;

export function wayOf({ port, authority, trust }: WayJob): Way {
  return {
    port,
    authority,
    trust: trust === undefined ? undefined : createSecureContext({ ca: trust }),
  };
}

export async function runHerd(job: HerdJob, tell: (told: Told) => void): Promise<HerdReport> {
  const way = wayOf(job);
  const sockets = await openMany(way, job.clients);
  const began = performance.now();
  const firstBytes: number[] = [];
  const onFirstByte = (): void => {
    firstBytes.push(performance.now() - began);
    if (firstBytes.length === job.clients) tell({ kind: "begun" });
  };
  const ask = { path: job.path, onFirstByte };
  const pulled = await Promise.all(sockets.map((socket) => pullOver(socket, way, ask)));
  return { ...summed(pulled), ...timed(firstBytes, began) };
}

/** Resolves when all have stopped. The sockets stay open as long as the process. */
export async function runStop(job: StopJob): Promise<void> {
  const way = wayOf(job);
  const text = requestText(way, { path: job.path });
  const sockets = await openMany(way, job.clients);
  await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<void>((resolve, reject) => {
          socket.once("error", reject);
          socket.once("data", (chunk: Buffer) => {
            if (!chunk.toString("latin1", 0, 12).endsWith("200")) {
              reject(new Error(chunk.toString("latin1", 0, 200)));
            }
            socket.pause();
            resolve();
          });
          socket.write(text);
        }),
    ),
  );
}

async function openMany(way: Way, count: number) {
  const sockets: Awaited<ReturnType<typeof openWay>>[] = [];
  const atOnce = way.authority === undefined ? count : shakingAtOnce;
  for (let opened = 0; opened < count; opened += atOnce) {
    const batch = Math.min(atOnce, count - opened);
    sockets.push(...(await Promise.all(Array.from({ length: batch }, () => openWay(way)))));
  }
  return sockets;
}

function summed(pulled: readonly Pulled[]): Pick<HerdReport, "complete" | "digests" | "failures"> {
  const digests: Record<string, number> = {};
  const failures: Record<string, number> = {};
  let complete = 0;
  for (const { status, digest, isComplete, error, bytes } of pulled) {
    if (isComplete && status === 200) {
      complete += 1;
      digests[digest] = (digests[digest] ?? 0) + 1;
    } else {
      const kind = `${status} after ${bytes}: ${error}`;
      failures[kind] = (failures[kind] ?? 0) + 1;
    }
  }
  return { complete, digests, failures };
}

function timed(firstBytes: number[], began: number): Pick<HerdReport, "firstByte" | "seconds"> {
  firstBytes.sort((a, b) => a - b);
  const at = (share: number): number => firstBytes[Math.floor(firstBytes.length * share)] ?? 0;
  return {
    firstByte: { p50: at(0.5), p99: at(0.99) },
    seconds: (performance.now() - began) / 1_000,
  };
}
