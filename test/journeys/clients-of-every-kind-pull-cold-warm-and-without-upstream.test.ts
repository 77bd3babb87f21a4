import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import type { StartClient } from "./support/clients/client.ts";
import { startContainerd, startNerdctl } from "./support/clients/containerd.ts";
import { startBuildah, startPodman, startSkopeo } from "./support/clients/containers-tools.ts";
import { startCrane } from "./support/clients/crane.ts";
import { startDocker } from "./support/clients/docker.ts";
import { startHelm, startJib, startNpm, startRegctl } from "./support/clients/libraries.ts";
import { byPath, mirroredClients, mirroredNerdctl } from "./support/clients/mirrored.ts";
import { startOras } from "./support/clients/oras.ts";
import { signers } from "./support/clients/signatures.ts";
import type { Entrepot } from "./support/entrepot.ts";
import { makeImageLayout } from "./support/image-layout.ts";
import { hasProgram, Journey, mustSucceed } from "./support/journey.ts";
import { type Environment, runWell } from "./support/program.ts";
import { startDockerRegistry } from "./support/upstream/docker-registry.ts";
import { ghcr } from "./support/upstream/look-alikes.ts";

type Tried = {
  readonly program: string;
  readonly image: string;
  readonly proxied: StartClient;
  /** Given the mirror's `http://host:port`. */
  readonly mirrored: (mirror: string) => StartClient;
};

const alpine = "docker.io/library/alpine:3.20";
/** A Docker list: not all read OCI's. */
const busybox = "docker.io/library/busybox:1.36";
const chart = "ghcr.io/acme/chart:1.0.0";
const hostOf = (mirror: string): string => new URL(mirror).host;

const engines: readonly (readonly [string, StartClient])[] = [
  ["dockerd", (surroundings) => startDocker(surroundings)],
  ["containerd", (surroundings) => startContainerd(surroundings)],
  ["podman", (surroundings) => startPodman(surroundings)],
  ["skopeo", (surroundings) => startSkopeo(surroundings)],
  ["buildah", (surroundings) => startBuildah(surroundings)],
  ["crane", startCrane],
  ["oras-pull", (surroundings) => startOras(surroundings)],
];

const others: readonly Tried[] = [
  {
    ...{ program: "nerdctl", image: alpine, proxied: (place) => startNerdctl(place) },
    mirrored: mirroredNerdctl,
  },
  {
    ...{ program: "regctl", image: alpine, proxied: startRegctl() },
    mirrored: (mirror) => byPath(startRegctl(hostOf(mirror)), mirror),
  },
  {
    ...{ program: "helm", image: chart, proxied: startHelm() },
    mirrored: (mirror) => byPath(startHelm(hostOf(mirror)), mirror),
  },
  {
    ...{ program: "npm-pull", image: busybox, proxied: startNpm() },
    mirrored: (mirror) => byPath(startNpm(hostOf(mirror)), mirror),
  },
  {
    ...{ program: "jib-pull", image: alpine, proxied: startJib },
    mirrored: (mirror) => byPath(startJib, mirror),
  },
];

const all: readonly Tried[] = [
  ...engines.flatMap(([program, proxied]) => {
    const mirrored = mirroredClients.find((one) => one.program === program)?.start;
    return mirrored === undefined ? [] : [{ program, image: alpine, proxied, mirrored }];
  }),
  ...others,
];
const doors = ["proxy", "mirror"] as const;
const cells = all.flatMap((client) => doors.map((door) => ({ ...client, door })));

describe("a client of each kind", { timeout: 120_000 }, () => {
  let journey: Journey;
  beforeAll(async () => {
    journey = await Journey.begin();
  });
  afterAll(() => journey?.end());

  for (const { program, image, door, ...start } of cells) {
    it.skipIf(!hasProgram(program))(
      `${program} by the ${door}: cold, warm, upstream gone`,
      async () => {
        const { upstream, upstreamCa } = journey;
        const PORT = String(await freePort());
        const name = journey.unusedName();
        const entrepot = (env: Environment): Promise<Entrepot> =>
          journey.entrepot({ PORT, ...env }, name);
        const first = await entrepot({ TAG_TTL: "1h" });
        const client = await (door === "proxy"
          ? journey.client(start.proxied, first.trust, first.proxy)
          : journey.client(start.mirrored(first.proxy), upstreamCa));

        upstream.ledger.clear();
        mustSucceed(await client.pull(image));
        const gets = upstream.ledger.find({ method: "GET", status: 200, path: /^\/cdn\// });
        const paths = gets.map(({ path }) => path.replace(/\?.*/, ""));
        expect(paths.length, "each blob once").toBe(new Set(paths).size);
        expect(paths.length, "a cold pull").toBeGreaterThan(1);

        // What a first pull sets off in the background is no part of the second.
        await Promise.all([client.wipe(), upstream.ledger.quiet()]);
        upstream.ledger.clear();
        mustSucceed(await client.pull(image));
        expect(upstream.ledger.lines(), "a warm pull asks nobody").toEqual([]);

        await first.stop();
        await entrepot({ TAG_TTL: "0" });
        await client.wipe();
        upstream.goDown();
        try {
          mustSucceed(await client.pull(image));
        } finally {
          await upstream.goUp();
        }
        await client.stop();
      },
    );
  }
});

describe("who verifies a signature", { timeout: 120_000 }, () => {
  const tools = signers.filter(({ program }) => hasProgram(program));
  const image = `${ghcr.registry}/acme/signed:1`;
  let journey: Journey;
  beforeAll(async () => {
    journey = await Journey.begin({ isEmpty: true });
    const storage = join(journey.folder, "images", ghcr.registry);
    const folder = join(journey.folder, "writer");
    await mkdir(folder);
    const registry = await startDockerRegistry({ storage, folder });
    journey.atEnd(() => registry.stop());
    const layout = join(folder, "layout");
    await makeImageLayout(layout, {
      ...{ tag: "1", platforms: ["linux/amd64"], layers: [50_000], seed: "signed" },
    });
    const env = { HOME: folder };
    const repository = `127.0.0.1:${registry.port}/acme/signed`;
    await runWell("crane", ["push", layout, `${repository}:1`], { env });
    const { stdout } = await runWell("crane", ["digest", `${repository}:1`], { env });
    for (const signer of tools)
      await signer.sign(`${repository}@${stdout.trim()}`, join(folder, signer.program));
  });
  afterAll(() => journey?.end());

  const tried = tools.flatMap((signer) => doors.map((door) => ({ signer, door })));
  it.each(tried)("$signer.program by the $door: cold, warm, upstream gone", async (one) => {
    const { upstream, upstreamCa } = journey;
    const entrepot = await journey.entrepot({ TAG_TTL: "1h" }, journey.unusedName());
    const keys = join(journey.folder, "writer", one.signer.program);
    const start = one.signer.verifier(keys, one.door === "mirror");
    const client = await (one.door === "proxy"
      ? journey.client(start, entrepot.trust, entrepot.proxy)
      : journey.client(byPath(start, entrepot.proxy), upstreamCa));
    mustSucceed(await client.pull(image));

    await upstream.ledger.quiet();
    upstream.ledger.clear();
    mustSucceed(await client.pull(image));
    expect(upstream.ledger.lines().filter((line) => !line.includes("/referrers/"))).toEqual([]);

    upstream.goDown();
    try {
      const { seconds } = mustSucceed(await client.pull(image));
      expect(seconds).toBeLessThan(30);
    } finally {
      await upstream.goUp();
    }
  });
});
