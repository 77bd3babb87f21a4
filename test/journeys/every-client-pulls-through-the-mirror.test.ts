import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StartClient } from "./support/clients/client.ts";
import { startContainerd } from "./support/clients/containerd.ts";
import { startBuildah, startPodman, startSkopeo } from "./support/clients/containers-tools.ts";
import { byPath, mirroredClients } from "./support/clients/mirrored.ts";
import { digestOfTag, hasProgram, Journey, mustSucceed } from "./support/journey.ts";
import { hub } from "./support/upstream/look-alikes.ts";

const alpine = "docker.io/library/alpine";
const elsewhere = ["ghcr.io/acme/tool:1", "quay.io/acme/thing:1"];
const cdnPulls = { path: /^\/cdn\//, status: 200, method: "GET" };

describe("through the mirror, without a CA", () => {
  let journey: Journey;
  beforeAll(async () => {
    journey = await Journey.begin();
  });
  afterAll(() => journey?.end());

  for (const { program, start } of mirroredClients) {
    it.skipIf(!hasProgram(program))(`${program} pulls, is wiped, pulls from disk`, async () => {
      const { ledger } = journey.upstream;
      // An empty cache for each, so that every client also pulls what is not there yet.
      const entrepot = await journey.entrepot({}, journey.unusedName());
      const client = await journey.client(start(entrepot.proxy), journey.upstreamCa);

      ledger.clear();
      mustSucceed(await client.pull(`${alpine}:3.20`));
      // A config and three layers; oras takes those of all three platforms, which share the first.
      expect(ledger.find(cdnPulls)).toHaveLength(program === "oras-pull" ? 10 : 4);
      expect(askedBy(journey), "by anybody but the mirror").toEqual([]);

      await client.wipe();
      ledger.clear();
      mustSucceed(await client.pull(`${alpine}:3.20`));
      expect(ledger.contentGets(), "by tag").toEqual([]);

      await client.wipe();
      ledger.clear();
      mustSucceed(
        await client.pull(`${alpine}@${digestOfTag(hub.registry, "library/alpine", "3.20")}`),
      );
      expect(ledger.contentGets(), "by digest").toEqual([]);

      const missing = await client.pull(`${alpine}:no-such-tag`);
      expect(missing.code).not.toBe(0);
      expect(missing.output).toMatch(/not found|manifest.unknown|404/i);
    });
  }

  for (const { program, start } of mirroredClients.filter((one) => one.program !== "dockerd")) {
    it.skipIf(!hasProgram(program))(`${program} pulls from other registries too`, async () => {
      const { ledger } = journey.upstream;
      const entrepot = await journey.entrepot({}, journey.unusedName());
      const client = await journey.client(start(entrepot.proxy), journey.upstreamCa);
      for (const image of elsewhere) {
        ledger.clear();
        mustSucceed(await client.pull(image));
        expect(onceEach(ledger.find(cdnPulls)), image).toBeGreaterThan(2);
        expect(askedBy(journey), "by anybody but the mirror").toEqual([]);
        await client.wipe();
        ledger.clear();
        mustSucceed(await client.pull(image));
        expect(ledger.contentGets(), image).toEqual([]);
      }
    });
  }

  it("what one door brought in is a hit through every other", async () => {
    const { ledger } = journey.upstream;
    const entrepot = await journey.entrepot({}, "entrepot-shared");
    const proxied: StartClient = (surroundings) => startContainerd(surroundings);
    const first = await journey.client(proxied, entrepot.trust, entrepot.proxy);
    // Of one platform, since oras takes them all.
    const [hubs, quays] = ["docker.io/acme/large:1", "quay.io/acme/thing:1"];
    for (const image of [hubs, quays]) mustSucceed(await first.pull(image));
    for (const { program, start } of mirroredClients.filter((one) => hasProgram(one.program))) {
      const client = await journey.client(start(entrepot.proxy), journey.upstreamCa);
      ledger.clear();
      mustSucceed(await client.pull(program === "dockerd" ? hubs : quays));
      expect(ledger.contentGets(), program).toEqual([]);
    }
  });

  for (const [program, start] of [
    ["podman", startPodman],
    ["skopeo", startSkopeo],
    ["buildah", startBuildah],
  ] as const) {
    it.skipIf(!hasProgram(program))(
      `${program} pulls by the mirror's address and a path`,
      async () => {
        const { ledger } = journey.upstream;
        const entrepot = await journey.entrepot({}, `entrepot-path-${program}`);
        const plain = `[[registry]]\nlocation = "127.0.0.1:${entrepot.port}"\ninsecure = true\n`;
        const named: StartClient = (surroundings) => start(surroundings, plain);
        const client = await journey.client(byPath(named, entrepot.proxy), journey.upstreamCa);
        for (const image of [...elsewhere, `${alpine}:3.20`, "docker.io/alpine:3.20"]) {
          mustSucceed(await client.pull(image));
          await client.wipe();
          ledger.clear();
          mustSucceed(await client.pull(image));
          expect(ledger.contentGets(), image).toEqual([]);
          await client.wipe();
        }
      },
    );
  }
});

/** How many things were fetched, each of them once. */
function onceEach(pulls: readonly { readonly path: string }[]): number {
  const paths = new Set(pulls.map(({ path }) => path));
  expect(pulls).toHaveLength(paths.size);
  return paths.size;
}

/** Who asked a registry without being the mirror. */
function askedBy({ upstream }: Journey): string[] {
  return upstream.ledger.entries
    .filter(({ userAgent }) =>
      /docker|containers\/image|containerd|go-|skopeo|oras/i.test(userAgent),
    )
    .map(({ userAgent, method, host, path }) => `${userAgent}: ${method} ${host}${path}`);
}
