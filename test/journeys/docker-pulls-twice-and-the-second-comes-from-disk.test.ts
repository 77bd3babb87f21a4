import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Client } from "./support/clients/client.ts";
import { startDocker } from "./support/clients/docker.ts";
import type { Entrepot } from "./support/entrepot.ts";
import { digestOfTag, hasProgram, Journey, mustSucceed } from "./support/journey.ts";
import { largeLayer } from "./support/upstream/images.ts";
import { hub } from "./support/upstream/look-alikes.ts";

describe.skipIf(!hasProgram("dockerd"))("dockerd behind Entrepot", () => {
  let journey: Journey;
  let entrepot: Entrepot;
  let docker: Client;
  beforeAll(async () => {
    journey = await Journey.begin();
    entrepot = await journey.entrepot();
    docker = await journey.client(startDocker, entrepot.trust, entrepot.proxy);
  });
  afterAll(() => journey?.end());
  // What a try that failed has brought in would not be pulled for the first time again.
  beforeEach(async ({ task }) => {
    if (!task.result?.retryCount) return;
    const PORT = String(entrepot.port);
    await entrepot.stop();
    entrepot = await journey.entrepot({ PORT }, journey.unusedName());
    await docker.stop();
    docker = await journey.client(startDocker, entrepot.trust, entrepot.proxy);
  });

  /** Pulls, wipes, pulls again; gives the content GETs of either pull. */
  async function twice(image: string): Promise<{ first: string[]; second: string[] }> {
    const { ledger } = journey.upstream;
    ledger.clear();
    mustSucceed(await docker.pull(image));
    const first = ledger.contentGets();
    await docker.wipe();
    ledger.clear();
    mustSucceed(await docker.pull(image));
    const second = ledger.contentGets();
    await docker.wipe();
    return { first, second };
  }

  it.each([
    "docker.io/library/alpine:3.20",
    "docker.io/library/busybox:1.36",
    "ghcr.io/acme/tool:1",
    "quay.io/acme/thing:1",
  ])("pulls %s, and again without a GET upstream", async (image) => {
    const { first, second } = await twice(image);
    expect(first.length).toBeGreaterThan(4);
    expect(second).toEqual([]);
  });

  it("pulls by digest, the first time with one GET for each thing, and has the large layer from disk when it is asked for by tag", async () => {
    const digest = digestOfTag(hub.registry, "acme/large", "1");
    const { first, second } = await twice(`docker.io/acme/large@${digest}`);
    expect(first.filter((line) => line.includes("/manifests/"))).toHaveLength(1);
    // A config and three layers.
    expect(first.filter((line) => line.includes("/cdn/"))).toHaveLength(4);
    expect(second).toEqual([]);
    const byTag = (await twice("docker.io/acme/large:1")).first;
    expect(byTag.filter((line) => line.includes("/cdn/"))).toEqual([]);
    expect(journey.upstream.ledger.contentBytes()).toBeLessThan(largeLayer / 100);
  });

  it("never sends a credential or a token to the CDN", () => {
    const { ledger } = journey.upstream;
    expect(ledger.find({ path: /^\/cdn\// }).filter((entry) => entry.hasAuthorization)).toEqual([]);
  });

  it("stops cleanly when told to", async () => {
    expect(await entrepot.stop()).toBe(0);
  });
});
