/** The rows about blobs: warm against nginx and docker-registry, cold against docker-registry and direct. */

import { fixed, megabytes, pairs, type Row, tolerance } from "../measure.ts";
import { direct, plain, type Transfer, throughProxy } from "../parts/curl.ts";
import type { Running } from "../parts/running.ts";
import { ports, type Scene, staticFile } from "../parts/scene.ts";

const MiB = 1024 * 1024;

function speed(transfer: Transfer, size: number): number {
  if (transfer.status !== 200 || transfer.bytes !== size) {
    throw new Error(`transfer failed: ${JSON.stringify(transfer)}`);
  }
  return size / transfer.seconds;
}

/** CPU seconds the server used per GB while `work` ran. */
async function cpuPerGB(
  server: Running,
  size: number,
  work: () => Promise<unknown>,
): Promise<number> {
  const before = server.cpuSeconds();
  for (let times = 0; times < 4; times += 1) await work();
  return (server.cpuSeconds() - before) / ((4 * size) / 1e9);
}

export async function warmTls(scene: Scene, rounds: number): Promise<Row[]> {
  const size = 1024 * MiB;
  const image = await scene.image(size);
  const path = `/v2/fast/app/blobs/${image.blob}`;
  const file = await staticFile(scene.folder, "blob", size);
  const ours = async () => speed(await throughProxy(scene, path), size);
  const theirs = async () => speed(await direct(scene, ports.nginx, file), size);
  await ours();
  const result = await pairs(rounds, theirs, ours);
  const cpuTheirs = await cpuPerGB(scene.nginx, size, theirs);
  const cpuOurs = await cpuPerGB(scene.entrepot, size, ours);
  return [
    {
      work: "warm blob 1 GiB, CONNECT + TLS",
      ours: megabytes(result.ours),
      peer: `nginx static TLS ${megabytes(result.theirs)}`,
      ratio: fixed(result.ratio),
      bar: "≥ 1.0",
      isMet: result.ratio >= tolerance,
    },
    {
      work: "  CPU seconds per GB",
      ours: fixed(cpuOurs),
      peer: `nginx ${fixed(cpuTheirs)}`,
      ratio: fixed(cpuOurs / cpuTheirs),
      bar: "≤ 1.0",
      isMet: cpuOurs / cpuTheirs <= 1 / tolerance,
    },
    {
      work: "  most memory so far",
      ours: `${scene.entrepot.peakMiB().toFixed(0)} MiB`,
      peer: "–",
      ratio: "–",
      bar: "flat",
      isMet: undefined,
    },
  ];
}

export async function warmPlain(scene: Scene, rounds: number): Promise<Row[]> {
  const size = 1024 * MiB;
  const image = await scene.image(size);
  const path = `/v2/fast/app/blobs/${image.blob}`;
  const ours = async () => speed(await plain(ports.entrepot, path), size);
  const theirs = async () => speed(await plain(ports.registry, path), size);
  await plain(ports.registry, path);
  await settle(() => theirs());
  const result = await pairs(rounds, theirs, ours);
  return [
    {
      work: "warm blob 1 GiB, plain HTTP mirror",
      ours: megabytes(result.ours),
      peer: `docker-registry ${megabytes(result.theirs)}`,
      ratio: fixed(result.ratio),
      bar: "≥ 1.0",
      isMet: result.ratio >= tolerance,
    },
  ];
}

/** docker-registry commits its copy after it has answered; two more transfers see it done. */
async function settle(transfer: () => Promise<unknown>): Promise<void> {
  await transfer();
  await transfer();
}

export async function cold(scene: Scene, rounds: number): Promise<Row[]> {
  const size = 256 * MiB;
  const fresh = async (send: (path: string) => Promise<Transfer>) => {
    const image = await scene.image(size);
    return speed(await send(`/v2/fast/app/blobs/${image.blob}`), size);
  };
  const theirs = () => fresh((path) => direct(scene, ports.registryTls, path));
  const ours = () => fresh((path) => throughProxy(scene, path));
  const result = await pairs(rounds, theirs, ours);
  await scene.ledger();
  await ours();
  const { bytes } = await scene.ledger();
  return [
    {
      work: "cold blob 256 MiB, unthrottled, TLS",
      ours: megabytes(result.ours),
      peer: `docker-registry proxy ${megabytes(result.theirs)}`,
      ratio: fixed(result.ratio),
      bar: "≥ 1.0",
      isMet: result.ratio >= tolerance,
    },
    {
      work: "  upstream bytes per blob",
      ours: `${fixed(bytes / size, 3)} ×`,
      peer: "–",
      ratio: "–",
      bar: "1.00 ×",
      isMet: Math.abs(bytes / size - 1) < 0.005,
    },
  ];
}

export async function throttled(scene: Scene, rounds: number): Promise<Row[]> {
  const size = 200 * MiB;
  const firsts: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
  const fresh = async (
    send: (path: string) => Promise<Transfer>,
    into: number[],
  ): Promise<number> => {
    const image = await scene.image(size);
    // As every client does first: what the blob then waits for is not a connection to the upstream.
    await send(`/v2/rate100/app/manifests/${image.manifest}`);
    const transfer = await send(`/v2/rate100/app/blobs/${image.blob}`);
    into.push(transfer.firstByteMs);
    return speed(transfer, size);
  };
  const result = await pairs(
    Math.min(rounds, 5),
    () => fresh((path) => direct(scene, ports.upstream, path), firsts.theirs),
    () => fresh((path) => throughProxy(scene, path), firsts.ours),
  );
  const middle = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
  const extra = middle(firsts.ours) - middle(firsts.theirs);
  return [
    {
      work: "cold blob 200 MiB, upstream at 100 MB/s",
      ours: megabytes(result.ours),
      peer: `direct ${megabytes(result.theirs)}`,
      ratio: fixed(result.ratio),
      bar: "≥ 0.97",
      isMet: result.ratio >= 0.97,
    },
    {
      work: "  first byte",
      ours: `${fixed(middle(firsts.ours), 1)} ms`,
      peer: `direct ${fixed(middle(firsts.theirs), 1)} ms`,
      ratio: `+${fixed(extra, 1)} ms`,
      bar: "≤ +10 ms",
      isMet: extra <= 10,
    },
  ];
}
