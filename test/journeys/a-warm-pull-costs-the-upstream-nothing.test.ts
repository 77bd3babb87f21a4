import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { engines } from "./support/clients/engines.ts";
import { type Entrepot, type Logged, requestsIn } from "./support/entrepot.ts";
import { hubLogin, Journey, mustSucceed } from "./support/journey.ts";

/** How many blobs each has, its config counted. dockerd may keep manifests although the image is removed. */
const images = [
  { what: "a public image", image: "docker.io/library/alpine:3.20", blobs: 4 },
  { what: "one of the operator's credential", image: "docker.io/acme/private:1", blobs: 3 },
];

describe("inside the TTL", () => {
  let journey: Journey;
  let entrepot: Entrepot;
  beforeAll(async () => {
    journey = await Journey.begin();
    entrepot = await journey.entrepot({ AUTH_REGISTRIES: hubLogin, TAG_TTL: "1h" });
  });
  afterAll(() => journey?.end());

  for (const { name, start } of engines) {
    it(`${name}: ping, token, manifest and blobs ask neither registry nor token service`, async () => {
      const { ledger } = journey.upstream;
      const client = await start(journey, entrepot);
      for (const { what, image, blobs } of images) {
        mustSucceed(await client.pull(image));
        await ledger.quiet();
        await client.wipe();
        ledger.clear();
        const { length } = entrepot.lines;
        mustSucceed(await client.pull(image));
        await ledger.quiet();
        expect(ledger.lines(), what).toEqual([]);
        await eventually(() => {
          const hits = requestsIn(entrepot.lines.slice(length)).filter(isHit);
          expect(hits.length, "so much was pulled again").toBeGreaterThanOrEqual(blobs);
        });
      }
    });
  }
});

function isHit({ method, status, cache }: Logged): boolean {
  return method === "GET" && status === 200 && cache === "hit";
}
