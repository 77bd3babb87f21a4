import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { everyClient } from "./support/clients/every-client.ts";
import { digestOfTag, hasProgram, Journey, mustSucceed } from "./support/journey.ts";
import { hub } from "./support/upstream/look-alikes.ts";

const image = "docker.io/library/alpine";

describe("through the proxy, image names unchanged", () => {
  let journey: Journey;
  beforeAll(async () => {
    journey = await Journey.begin();
  });
  afterAll(() => journey?.end());

  for (const [name, start] of everyClient) {
    it.skipIf(!hasProgram(name))(`${name} pulls, is wiped, and pulls from disk`, async () => {
      const { ledger } = journey.upstream;
      // An empty cache for each, so that every client also pulls what is not there yet.
      const entrepot = await journey.entrepot({}, journey.unusedName());
      const client = await journey.client(start, entrepot.trust, entrepot.proxy);

      ledger.clear();
      mustSucceed(await client.pull(`${image}:3.20`));
      expect(ledger.find({ path: /^\/cdn\//, status: 200, method: "GET" })).toHaveLength(4);
      expect(ledger.find({ path: /^\/cdn\//, status: 400 })).toEqual([]);

      await client.wipe();
      ledger.clear();
      mustSucceed(await client.pull(`${image}:3.20`));
      expect(ledger.contentGets(), "by tag").toEqual([]);

      await client.wipe();
      ledger.clear();
      const digest = digestOfTag(hub.registry, "library/alpine", "3.20");
      mustSucceed(await client.pull(`${image}@${digest}`));
      expect(ledger.contentGets(), "by digest").toEqual([]);

      const missing = await client.pull(`${image}:no-such-tag`);
      expect(missing.code).not.toBe(0);
      expect(missing.output).toMatch(/not found|manifest.unknown|404/i);
    });
  }
});
