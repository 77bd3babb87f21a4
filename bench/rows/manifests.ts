/** The rows about requests per second: a manifest from the cache against a bare answer of the same size. */

import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { createSecureContext } from "node:tls";
import { fixed, median, pairs, type Round, type Row, ratioOf, shuffledRounds } from "../measure.ts";
import { direct, throughProxy } from "../parts/curl.ts";
import { keepAlive, newConnections, paced, type Target } from "../parts/load.ts";
import type { Running } from "../parts/running.ts";
import { floorBytes, ports, type Scene } from "../parts/scene.ts";

type Targets = Readonly<Record<"ours" | "hello" | "floor" | "nginx" | "connect", Target>>;

async function targets(scene: Scene): Promise<Targets> {
  const image = await scene.image(1024);
  const path = `/v2/fast/app/manifests/${image.manifest}`;
  const bodyBytes = (await throughProxy(scene, path)).bytes;
  const cached = await direct(scene, ports.nginxCache, path);
  if (bodyBytes !== floorBytes || cached.bytes !== bodyBytes) throw new Error("unlike bodies");
  const host = `127.0.0.1:${ports.upstream}`;
  const ca = await readFile(`${scene.folder}/data/ca/ca.crt`, "utf8");
  const secureContext = createSecureContext({ ca });
  const peer = { secureContext: createSecureContext({ ca: scene.ca }), path, host };
  const hello = { ...peer, bodyBytes: 482 };
  return {
    ours: { port: ports.entrepot, authority: host, secureContext, path, host, bodyBytes },
    hello: { ...hello, port: ports.hello },
    connect: { ...hello, port: ports.helloConnect, authority: host },
    floor: { ...peer, bodyBytes, port: ports.floor },
    nginx: { ...peer, bodyBytes, port: ports.nginxCache },
  };
}

const seconds = 2;

/** Answers a second over kept connections, and microseconds of CPU for each. */
async function kept(server: Running, target: Target): Promise<Round> {
  const before = server.cpuSeconds();
  const { perSecond } = await keepAlive(target, 32, seconds);
  const cpu = ((server.cpuSeconds() - before) * 1e6) / (perSecond * seconds);
  return { value: perSecond, cpu };
}

const rate = (value: number): string => `${value.toFixed(0)}/s`;
const middle = (rounds: readonly Round[], of: keyof Round = "value"): number =>
  median(rounds.map((round) => round[of]));

export async function manifestHits(scene: Scene, rounds: number): Promise<Row[]> {
  const all = await targets(scene);
  const seen = await shuffledRounds(rounds, {
    ours: () => kept(scene.entrepot, all.ours),
    hello: () => kept(scene.hello, all.hello),
    floor: () => kept(scene.floor, all.floor),
    nginx: () => kept(scene.nginx, all.nginx),
  });
  const { ours, hello, floor, nginx } = seen;
  const besideFloor = ratioOf(ours, floor);
  const besideNginx = ratioOf(ours, nginx);
  const cpu = ratioOf(ours, floor, "cpu");
  const late = async (target: Target): Promise<Round> => {
    const { p99 } = await paced(target, { connections: 32, perSecond: middle(ours) / 2 }, 4);
    return { value: p99, cpu: 0 };
  };
  const half = await shuffledRounds(Math.min(rounds, 3), {
    ours: () => late(all.ours),
    floor: () => late(all.floor),
  });
  const p99 = middle(half.ours);
  return [
    {
      work: "manifest hit, keep-alive, 32 connections",
      ours: rate(middle(ours)),
      peer: `node:https, same answer ${rate(middle(floor))}`,
      ratio: fixed(besideFloor),
      bar: "≥ 0.8",
      isMet: besideFloor >= 0.8,
    },
    {
      work: "  CPU an answer",
      ours: `${fixed(middle(ours, "cpu"), 0)} µs`,
      peer: `the same ${fixed(middle(floor, "cpu"), 0)} µs`,
      ratio: fixed(cpu),
      bar: "≤ 1.25",
      isMet: cpu <= 1.25,
    },
    {
      work: "  beside nginx with a cache, one worker",
      ours: `${fixed(middle(ours, "cpu"), 0)} µs`,
      peer: `nginx ${rate(middle(nginx))}, ${fixed(middle(nginx, "cpu"), 0)} µs`,
      ratio: fixed(besideNginx),
      bar: "≥ 0.85",
      isMet: besideNginx >= 0.85,
    },
    {
      work: "  beside a bare hello",
      ours: rate(middle(ours)),
      peer: `node:https hello ${rate(middle(hello))}`,
      ratio: fixed(ratioOf(ours, hello)),
      bar: "–",
      isMet: undefined,
    },
    {
      work: "  p99 at half that rate",
      ours: `${fixed(p99, 1)} ms`,
      peer: `the same ${fixed(middle(half.floor), 1)} ms`,
      ratio: "–",
      bar: "≤ 5 ms",
      isMet: p99 <= 5,
    },
    await freshConnections(all, rounds),
  ];
}

async function freshConnections({ ours, connect }: Targets, rounds: number): Promise<Row> {
  const fresh = await pairs(
    Math.min(rounds, 5),
    async () => (await newConnections(connect, 8, 2)).perSecond,
    async () => (await newConnections(ours, 8, 2)).perSecond,
  );
  return {
    work: "manifest hit, new connection each",
    ours: rate(fresh.ours),
    peer: `hello behind CONNECT ${rate(fresh.theirs)}`,
    ratio: fixed(fresh.ratio),
    bar: "≥ 0.8",
    isMet: fresh.ratio >= 0.8,
  };
}

/** As it is when nobody has asked for a while. */
const idleSeconds = 25;

export async function idle(scene: Scene): Promise<Row[]> {
  await pause(idleSeconds * 1_000);
  const rss = scene.entrepot.residentMiB();
  return [
    {
      work: "idle, second start: memory",
      ours: `${rss.toFixed(0)} MiB`,
      peer: "–",
      ratio: "–",
      bar: "≤ 120 MiB",
      isMet: rss <= 120,
    },
    {
      work: "  ready after",
      ours: `${scene.readyMs.toFixed(0)} ms`,
      peer: "–",
      ratio: "–",
      bar: "≤ 1000 ms",
      isMet: scene.readyMs <= 1000,
    },
  ];
}
