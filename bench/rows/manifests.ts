/** The rows about requests per second: a manifest from the cache against a bare answer of the same size. */
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { fixed, pairs, type Row } from "../measure.ts";
import { throughProxy } from "../parts/curl.ts";
import { keepAlive, newConnections, paced, type Target } from "../parts/load.ts";
import { ports, type Scene } from "../parts/scene.ts";

async function targets(scene: Scene): Promise<Record<"ours" | "https" | "connect", Target>> {
  const image = await scene.image(1024);
  const path = `/v2/fast/app/manifests/${image.manifest}`;
  const bodyBytes = (await throughProxy(scene, path)).bytes;
  const host = `127.0.0.1:${ports.upstream}`;
  const ca = await readFile(`${scene.folder}/data/ca/ca.crt`, "utf8");
  const secureContext = createSecureContext({ ca });
  const hello = {
    secureContext: createSecureContext({ ca: scene.ca }),
    path,
    host,
    bodyBytes: 482,
  };
  return {
    ours: { port: ports.entrepot, authority: host, secureContext, path, host, bodyBytes },
    https: { ...hello, port: ports.hello },
    connect: { ...hello, port: ports.helloConnect, authority: host },
  };
}

const rate = (value: number): string => `${value.toFixed(0)}/s`;

export async function manifestHits(scene: Scene, rounds: number): Promise<Row[]> {
  const { ours, https, connect } = await targets(scene);
  const count = Math.min(rounds, 5);
  const kept = await pairs(
    count,
    async () => (await keepAlive(https, 32, 2)).perSecond,
    async () => (await keepAlive(ours, 32, 2)).perSecond,
  );
  const half = await paced(ours, 32, kept.ours / 2, 4);
  const fresh = await pairs(
    count,
    async () => (await newConnections(connect, 8, 2)).perSecond,
    async () => (await newConnections(ours, 8, 2)).perSecond,
  );
  return [
    {
      work: "manifest hit, keep-alive, 32 connections",
      ours: rate(kept.ours),
      peer: `node:https hello ${rate(kept.theirs)}`,
      ratio: fixed(kept.ratio),
      bar: "≥ 0.7",
      isMet: kept.ratio >= 0.7,
    },
    {
      work: "  p99 at half that rate",
      ours: `${fixed(half.p99, 1)} ms`,
      peer: "–",
      ratio: "–",
      bar: "≤ 10 ms",
      isMet: half.p99 <= 10,
    },
    {
      work: "manifest hit, new connection each",
      ours: rate(fresh.ours),
      peer: `hello behind CONNECT ${rate(fresh.theirs)}`,
      ratio: fixed(fresh.ratio),
      bar: "≥ 0.8",
      isMet: fresh.ratio >= 0.8,
    },
  ];
}

export async function idle(scene: Scene): Promise<Row[]> {
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
