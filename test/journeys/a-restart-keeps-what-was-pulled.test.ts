import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestOf } from "../../src/protocol/digest.ts";
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

  it("goes on after a stop and a start where the last pull was broken off", async () => {
    const name = journey.unusedName();
    const broken = await journey.entrepot({}, name);
    const { digest, size } = await largestLayer(broken);
    const { ledger, pace } = journey.upstream;
    ledger.clear();
    pace.bytesPerSecond = 32 * 1024 * 1024;
    const leaving = new AbortController();
    const answer = await fetch(urlOf(broken, `blobs/${digest}`), { signal: leaving.signal });
    await readAtLeast(answer, size / 4);
    leaving.abort();
    expect(await broken.stop()).toBe(0);
    pace.bytesPerSecond = undefined;
    const restarted = await journey.entrepot({}, name);
    const again = await fetch(urlOf(restarted, `blobs/${digest}`));
    expect(digestOf(new Uint8Array(await again.arrayBuffer()))).toBe(digest);
    const bodies = ledger.contentGets().filter((line) => /^20/.test(line));
    expect(bodies.map((line) => line.slice(0, 3))).toEqual(["200", "206"]);
    // What was on its way when the proxy stopped is all that comes twice.
    expect(ledger.contentBytes()).toBeLessThan(1.1 * size);
  });

  it("is there after a power cut and a start", async () => {
    await entrepot.kill();
    await expectFromDisk();
  });
});

function urlOf({ proxy }: Entrepot, rest: string): string {
  return `${proxy}/v2/acme/large/${rest}`;
}

async function largestLayer(entrepot: Entrepot): Promise<{ digest: string; size: number }> {
  const manifest = await (await fetch(urlOf(entrepot, "manifests/1"))).json();
  const { layers } = manifest as { layers: { digest: string; size: number }[] };
  const [largest] = layers.toSorted((one, other) => other.size - one.size);
  if (largest === undefined) throw new Error(JSON.stringify(manifest));
  return largest;
}

async function readAtLeast({ body }: Response, bytes: number): Promise<void> {
  const reader = body?.getReader();
  for (let seen = 0; seen < bytes; ) {
    const piece = await reader?.read();
    if (piece?.value === undefined) throw new Error(`ended after ${seen} bytes`);
    seen += piece.value.length;
  }
}
