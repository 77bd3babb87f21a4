import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Client } from "./support/clients/client.ts";
import { mirroredClients } from "./support/clients/mirrored.ts";
import type { Entrepot } from "./support/entrepot.ts";
import { hasProgram, Journey, mustSucceed } from "./support/journey.ts";
import type { Run } from "./support/program.ts";

const large = "docker.io/acme/large:1";
const engines = mirroredClients.filter(
  ({ fallsBack, program }) => fallsBack && hasProgram(program),
);

/**
 * What Debian 12's podman, skopeo and buildah cannot do: go on with a body that broke off, or take the
 * rest of an image from another place than its manifest. Their users pull once more.
 */
const needsAnother = new Set(["podman", "skopeo", "buildah"]);

describe("a mirror that fails in mid-pull", () => {
  let journey: Journey;
  beforeAll(async () => {
    journey = await Journey.begin();
  });
  afterEach(() => {
    journey.upstream.pace.bytesPerSecond = undefined;
  });
  afterAll(() => journey?.end());

  for (const { program, start } of engines) {
    it(`because it is killed: ${program} has its image from the registry`, async () => {
      const { entrepot, client } = await begin(start);
      const pulling = client.pull(large);
      await duringTheLargeLayer(journey);
      await entrepot.kill();
      journey.upstream.pace.bytesPerSecond = undefined;
      await succeeds(pulling, client, program);
    });

    it(`because its disk is wiped: ${program} has its image`, async () => {
      const { entrepot, client } = await begin(start);
      const pulling = client.pull(large);
      await duringTheLargeLayer(journey);
      await rm(join(entrepot.dataDir, "partial"), { recursive: true, force: true });
      await rm(join(entrepot.dataDir, "blobs"), { recursive: true, force: true });
      journey.upstream.pace.bytesPerSecond = undefined;
      mustSucceed(await pulling);
      await client.wipe();
      mustSucceed(await client.pull(large));
    });

    it(`because it can give nothing, and says so: ${program} asks the registry`, async () => {
      const { entrepot, client } = await begin(start, { OFFLINE: "true" });
      journey.upstream.pace.bytesPerSecond = undefined;
      const asked = await fetch(`${entrepot.proxy}/v2/library/alpine/manifests/3.20`);
      expect(asked.status).toBeGreaterThanOrEqual(502);
      expect(Number(asked.headers.get("retry-after"))).toBeGreaterThan(0);
      mustSucceed(await client.pull("docker.io/library/alpine:3.20"));
    });
  }

  async function begin(
    start: (typeof engines)[number]["start"],
    env: Readonly<Record<string, string>> = {},
  ): Promise<{ entrepot: Entrepot; client: Client }> {
    const entrepot = await journey.entrepot(env, journey.unusedName());
    const client = await journey.client(start(entrepot.proxy), journey.upstreamCa);
    journey.upstream.ledger.clear();
    journey.upstream.pace.bytesPerSecond = 40 * 1024 * 1024;
    return { entrepot, client };
  }
});

/** Resolves once a good part of the large layer has left its registry. */
async function duringTheLargeLayer({ upstream }: Journey): Promise<void> {
  while (upstream.ledger.contentBytes() < 20 * 1024 * 1024) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function succeeds(pulling: Promise<Run>, client: Client, program: string): Promise<void> {
  const pulled = await pulling;
  if (pulled.code !== 0 && needsAnother.has(program)) mustSucceed(await client.pull(large));
  else mustSucceed(pulled);
}
