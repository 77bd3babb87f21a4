import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import type { StartClient } from "./support/clients/client.ts";
import { startContainerd } from "./support/clients/containerd.ts";
import { startBuildah, startPodman, startSkopeo } from "./support/clients/containers-tools.ts";
import { startCrane } from "./support/clients/crane.ts";
import { startDocker } from "./support/clients/docker.ts";
import { startHelm, startJib, startNpm, startRegctl } from "./support/clients/libraries.ts";
import { byPath, mirroredClients } from "./support/clients/mirrored.ts";
import { startOras } from "./support/clients/oras.ts";
import type { Entrepot } from "./support/entrepot.ts";
import { hasProgram, Journey, mustSucceed } from "./support/journey.ts";
import type { Environment } from "./support/program.ts";

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
