import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { everyClient } from "./support/clients/every-client.ts";
import { hasProgram, Journey, mustSucceed } from "./support/journey.ts";

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
        expect(ledger.contentGets().length, `round ${round}`).toBeGreaterThanOrEqual(9);
        expect(ledger.contentBytes()).toBeGreaterThan(3_900_000);
        await client.wipe();
      }
      const refused = await client.pull("docker.io/acme/private:1");
      expect(refused.code, refused.output).not.toBe(0);
    });
  }

  it("the CDN refuses a request that carries Authorization", async () => {
    const { ledger } = journey.upstream;
    expect(ledger.find({ path: /^\/cdn\//, status: 400 })).toEqual([]);
    expect(ledger.find({ path: /^\/cdn\//, status: 200 }).length).toBeGreaterThan(3);
  });
});
