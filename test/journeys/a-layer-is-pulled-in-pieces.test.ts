import { open } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from "vitest";
import { eventually } from "../support/eventually.ts";
import type { Client, StartClient } from "./support/clients/client.ts";
import { startPiecewiseContainerd } from "./support/clients/containerd.ts";
import { startPartialPodman } from "./support/clients/containers-tools.ts";
import { type Entrepot, requestsIn } from "./support/entrepot.ts";
import { digestOfTag, hasProgram, Journey, mustSucceed } from "./support/journey.ts";
import { blobPath } from "./support/upstream/front.ts";
import { largeLayer } from "./support/upstream/images.ts";
import { hub } from "./support/upstream/look-alikes.ts";

const MiB = 1024 * 1024;
const large = "docker.io/acme/large:1";

describe("a layer that is pulled in pieces", () => {
  let journey: Journey;
  beforeAll(async () => {
    journey = await Journey.begin();
  });
  afterAll(() => journey?.end());

  const start = (name: string): Promise<Entrepot> => {
    journey.upstream.ledger.clear();
    return journey.entrepot({ TAG_TTL: "1h", LOG_LEVEL: "debug" }, name);
  };
  const client = <C extends Client>(kind: StartClient<C>, { trust, proxy }: Entrepot) =>
    journey.client(kind, trust, proxy);

  it.skipIf(!hasProgram("cri-pull") || !hasProgram("containerd-2"))(
    "by two containerd 2, eight pieces at a time, costs the registry itself once",
    async () => {
      const { ledger } = journey.upstream;
      const entrepot = await start("entrepot-for-containerd");
      const [one, other] = [
        await client(startPiecewiseContainerd, entrepot),
        await client(startPiecewiseContainerd, entrepot),
      ];
      const pulled = await Promise.all([one.pull(large), other.pull(large)]);
      pulled.forEach(mustSucceed);
      await eventually(() => expect(pieces(entrepot)).toBeGreaterThan(100));
      await eventually(() => expect(kept(entrepot)).toBeGreaterThanOrEqual(4));
      expect(ledger.contentBytes()).toBeLessThanOrEqual((largeLayer + 3 * MiB) * 1.05);

      await one.wipe();
      ledger.clear();
      mustSucceed(await one.pull(large));
      await eventually(() => expect(pieces(entrepot)).toBeGreaterThan(150));
      expect(ledger.lines(), "when it is kept").toEqual([]);
    },
  );

  it.skipIf(!hasProgram("podman"))(
    "by podman, which leaves out what it has of it already, costs the registry itself once",
    async () => {
      const { ledger } = journey.upstream;
      const entrepot = await start("entrepot-for-podman");
      const [one, other] = [
        await client(startPartialPodman, entrepot),
        await client(startPartialPodman, entrepot),
      ];
      for (const podman of [one, other]) {
        for (const tag of ["1", "2"]) {
          const pulled = mustSucceed(await podman.pull(`docker.io/acme/chunked:${tag}`));
          expect(pulled.output).toContain("Retrieved partial blob");
        }
        if (podman === other) break;
        await eventually(() => expect(kept(entrepot)).toBeGreaterThanOrEqual(5));
        await ledger.quiet();
        expect(ledger.contentBytes()).toBeLessThanOrEqual(18.2 * MiB * 1.05);
        ledger.clear();
      }
      expect(ledger.lines(), "when it is kept").toEqual([]);
    },
  );

  it("by a lazy reader, its end first, costs what is read, and the rest once it is wanted", async () => {
    const { ledger } = journey.upstream;
    const entrepot = await start("entrepot-for-the-lazy");
    const layer = await largestLayer(entrepot);
    ledger.clear();
    const footer = { from: layer.size - 51, to: layer.size };
    const contents = { from: layer.size - 100_000, to: footer.from };
    const files = Array.from({ length: 300 }, (_, index) => {
      const from = (index * 7_919 * 131) % Math.floor(layer.size / 2);
      return { from, to: from + 2_048 + ((index * 997) % 10_000) };
    });
    const asked = [footer, contents, ...files];
    await layer.read(footer);
    await layer.read(contents);
    await side(files, 10, (range) => layer.read(range));
    const sum = asked.reduce((total, { from, to }) => total + to - from, 0);
    expect(ledger.contentBytes()).toBeLessThanOrEqual(sum * 1.05);

    await layer.read({ from: 0, to: layer.size });
    await eventually(() =>
      entrepot.lines.some((line) => isKept(line) && line.includes(layer.digest)),
    );
    expect(ledger.contentBytes()).toBeLessThanOrEqual(layer.size * 1.05);
    ledger.clear();
    await layer.read(footer);
    await side(files, 10, (range) => layer.read(range));
    expect(ledger.lines(), "when it is kept").toEqual([]);
  });
});

/** Of all answers, those that were a part of a blob. */
const pieces = ({ lines }: Entrepot): number =>
  requestsIn(lines).filter(({ status }) => status === 206).length;

const isKept = (line: string): boolean => line.includes("kept a blob");
const kept = ({ lines }: Entrepot): number => lines.filter(isKept).length;

type Range = { readonly from: number; readonly to: number };

/** Works on all of them, so many at the same time. */
async function side<T>(all: readonly T[], most: number, work: (one: T) => Promise<void>) {
  const left = [...all];
  const worker = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: most }, worker));
}

/** Of an image by the mirror, read as a snapshotter that mounts layers does; each part is compared. */
async function largestLayer({ proxy }: Entrepot) {
  const base = `${proxy}/v2/docker.io/acme/chunked`;
  const image = digestOfTag(hub.registry, "acme/chunked", "2");
  const manifest = await fetch(`${base}/manifests/${image}`);
  const { layers } = (await manifest.json()) as {
    layers: readonly { readonly digest: string; readonly size: number }[];
  };
  const { digest, size } = layers.reduce((one, next) => (next.size > one.size ? next : one));
  const own = await open(join(inject("parts").images, hub.registry, blobPath(digest.slice(7))));
  onTestFinished(() => own.close());
  return {
    ...{ digest, size },
    read: async ({ from, to }: Range): Promise<void> => {
      const headers = { range: `bytes=${from}-${to - 1}` };
      const answer = await fetch(`${base}/blobs/${digest}`, { headers });
      const came = Buffer.from(await answer.arrayBuffer());
      const { buffer } = await own.read(Buffer.alloc(to - from), 0, to - from, from);
      expect([answer.status, came.equals(buffer)], `${from} to ${to}`).toEqual([206, true]);
    },
  };
}
