import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Client } from "./support/clients/client.ts";
import { startSkopeo } from "./support/clients/containers-tools.ts";
import type { Entrepot } from "./support/entrepot.ts";
import { hasProgram, Journey, mustSucceed } from "./support/journey.ts";

const image = "docker.io/library/alpine:3.20";

describe.skipIf(!hasProgram("skopeo"))("what was pulled once", () => {
  let journey: Journey;
  let entrepot: Entrepot;
  beforeAll(async () => {
    journey = await Journey.begin();
    entrepot = await journey.entrepot();
    const skopeo = await clientOf(entrepot);
    mustSucceed(await skopeo.pull(image));
  });
  afterAll(() => journey?.end());

  const clientOf = (one: Entrepot): Promise<Client> =>
    journey.client(startSkopeo, one.trust, one.proxy);

  async function expectFromDisk(): Promise<void> {
    entrepot = await journey.entrepot();
    const skopeo = await clientOf(entrepot);
    journey.upstream.ledger.clear();
    mustSucceed(await skopeo.pull(image));
    expect(journey.upstream.ledger.contentGets()).toEqual([]);
  }

  it("is there after a stop and a start", async () => {
    expect(await entrepot.stop()).toBe(0);
    await expectFromDisk();
  });

  it("is there after a power cut and a start", async () => {
    await entrepot.kill();
    await expectFromDisk();
  });
});
