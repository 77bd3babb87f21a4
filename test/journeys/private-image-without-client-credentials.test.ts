import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { everyClient } from "./support/clients/every-client.ts";
import type { Entrepot } from "./support/entrepot.ts";
import { hasProgram, hubLogin, Journey, mustSucceed } from "./support/journey.ts";

const image = "docker.io/acme/private:1";

describe("a private image, with the credential at Entrepot alone", () => {
  let journey: Journey;
  let entrepot: Entrepot;
  beforeAll(async () => {
    journey = await Journey.begin();
    entrepot = await journey.entrepot({ AUTH_REGISTRIES: hubLogin });
  });
  afterAll(() => journey?.end());

  for (const [name, start] of everyClient) {
    it.skipIf(!hasProgram(name))(`${name} pulls it without a login, twice`, async () => {
      const client = await journey.client(start, entrepot.trust, entrepot.proxy);
      mustSucceed(await client.pull(image));
      await client.wipe();
      journey.upstream.ledger.clear();
      mustSucceed(await client.pull(image));
      expect(journey.upstream.ledger.contentGets()).toEqual([]);
    });
  }

  it("is refused without that credential", async () => {
    const bare = await journey.entrepot({}, "entrepot-without");
    for (const [name, start] of everyClient.filter(([program]) => hasProgram(program))) {
      const client = await journey.client(start, bare.trust, bare.proxy);
      const pulled = await client.pull(image);
      expect(pulled.code, `${name}: ${pulled.output}`).not.toBe(0);
    }
  });

  it("the credential went to the token service only, and into no log", () => {
    const canaries = entrepot.lines.filter((line) => line.includes("CANARY"));
    expect(canaries).toEqual([]);
    const { ledger } = journey.upstream;
    expect(ledger.find({ path: /^\/cdn\// }).filter((entry) => entry.hasAuthorization)).toEqual([]);
  });
});
