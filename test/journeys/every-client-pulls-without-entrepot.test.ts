import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Curl } from "./support/clients/curl.ts";
import { everyClient } from "./support/clients/every-client.ts";
import { hasProgram, Journey, mustSucceed } from "./support/journey.ts";
import { hub } from "./support/upstream/look-alikes.ts";

/** When this fails, the other journeys say nothing about Entrepot. */
describe("without Entrepot between", () => {
  let journey: Journey;
  beforeAll(async () => {
    journey = await Journey.begin();
  });
  afterAll(() => journey?.end());

  for (const [name, start] of everyClient) {
    it.skipIf(!hasProgram(name))(`${name} pulls, and pulls all of it again`, async () => {
      const client = await journey.client(start, journey.upstreamCa);
      const { ledger } = journey.upstream;
      for (const round of [1, 2]) {
        ledger.clear();
        mustSucceed(await client.pull("docker.io/library/alpine:3.20"));
        // Four blobs, each by way of a redirect. The manifests too, unless dockerd still has them: it
        // clears up when it likes.
        expect(ledger.contentGets().length, `round ${round}`).toBeGreaterThanOrEqual(8);
        expect(ledger.contentBytes()).toBeGreaterThan(3_900_000);
        await client.wipe();
      }
      const refused = await client.pull("docker.io/acme/private:1");
      expect(refused.code, refused.output).not.toBe(0);
    });
  }

  it("the CDN refuses a request that carries Authorization", async () => {
    const curl = new Curl({ folder: journey.folder, trust: journey.upstreamCa });
    const url = `https://${hub.cdn}/cdn/sha256:${"0".repeat(64)}?X-Amz-Signature=x`;
    expect((await curl.get(url, "--header", "Authorization: Bearer x")).status).toBe(400);
    expect((await curl.get(url)).status).toBe(404);
  });
});
