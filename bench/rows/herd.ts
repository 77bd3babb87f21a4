/** The rows about trouble: a herd on one cold blob, an upstream that breaks, a pull that costs nothing. */

import { fixed, type Row } from "../measure.ts";
import { type Transfer, throughProxy } from "../parts/curl.ts";
import type { Scene } from "../parts/scene.ts";

const MiB = 1024 * 1024;

function spread(transfers: readonly Transfer[]): number {
  const firsts = transfers.map((transfer) => transfer.firstByteMs);
  return Math.max(...firsts) - Math.min(...firsts);
}

export async function herd(scene: Scene): Promise<Row[]> {
  const size = 64 * MiB;
  const alone = await scene.image(size);
  const one = await throughProxy(scene, `/v2/rate10/app/blobs/${alone.blob}`);
  const image = await scene.image(size);
  await scene.ledger();
  const path = `/v2/rate10/app/blobs/${image.blob}`;
  const began = performance.now();
  const all = await Promise.all(Array.from({ length: 64 }, () => throughProxy(scene, path)));
  const seconds = (performance.now() - began) / 1000;
  const { requests } = await scene.ledger();
  const gets = requests.filter(
    (line) => line.startsWith("GET") && line.includes(image.blob),
  ).length;
  const isComplete = all.every((transfer) => transfer.bytes === size);
  const rss = scene.entrepot.residentMiB();
  const row = (work: string, ours: string, bar: string, isMet: boolean): Row => ({
    work,
    ours,
    peer: "–",
    ratio: "–",
    bar,
    isMet,
  });
  return [
    row(
      "64 clients, one cold blob at 10 MB/s: upstream GETs",
      String(gets),
      "1",
      gets === 1 && isComplete,
    ),
    row(
      "  all done, against one client",
      `${fixed(seconds / one.seconds)} ×`,
      "≤ 1.1 ×",
      seconds / one.seconds <= 1.1,
    ),
    row(
      "  first bytes, last after first",
      `${fixed(spread(all), 0)} ms`,
      "≤ 100 ms",
      spread(all) <= 100,
    ),
    row("  memory", `${rss.toFixed(0)} MiB`, "≤ 256 MiB", rss <= 256),
  ];
}

export async function cut(scene: Scene): Promise<Row[]> {
  const size = 100 * MiB;
  const image = await scene.image(size);
  await scene.ledger();
  const transfer = await throughProxy(scene, `/v2/cut60/app/blobs/${image.blob}`);
  const { bytes } = await scene.ledger();
  return [
    {
      work: "upstream cut at 60 %: first pull",
      ours: transfer.bytes === size ? "succeeds" : "fails",
      peer: "–",
      ratio: `${fixed(bytes / size, 3)} ×`,
      bar: "≤ 1.01 ×",
      isMet: transfer.bytes === size && bytes / size <= 1.01,
    },
  ];
}

export async function corrupt(scene: Scene): Promise<Row[]> {
  const size = 100 * MiB;
  const image = await scene.image(size);
  const path = `/v2/corrupt/app/blobs/${image.blob}`;
  // curl fails when the connection is broken off before the last byte.
  const isCutOff = await throughProxy(scene, path).then(
    () => false,
    () => true,
  );
  const again = await throughProxy(scene, path);
  return [
    {
      work: "one wrong byte from upstream: complete bodies sent",
      ours: isCutOff ? "0" : "1",
      peer: "–",
      ratio: again.bytes === size ? "2nd good" : "2nd fails",
      bar: "0",
      isMet: isCutOff && again.bytes === size,
    },
  ];
}

/** What a client asks when it pulls by tag: ping, tag, manifest, config, layer. */
export async function warmPull(scene: Scene): Promise<Row[]> {
  const image = await scene.image(2 * MiB);
  const paths = [
    "/v2/",
    `/v2/fast/app/manifests/${image.tag}`,
    `/v2/fast/app/manifests/${image.manifest}`,
    `/v2/fast/app/blobs/${image.blob}`,
  ];
  for (const path of paths) await throughProxy(scene, path);
  await scene.ledger();
  const again: Transfer[] = [];
  for (const path of paths) again.push(await throughProxy(scene, path));
  const { requests } = await scene.ledger();
  const isGood = again.every((transfer) => transfer.status === 200);
  return [
    {
      work: "warm tag pull inside its TTL: upstream requests",
      ours: String(requests.length),
      peer: "–",
      ratio: "–",
      bar: "0",
      isMet: requests.length === 0 && isGood,
    },
  ];
}
