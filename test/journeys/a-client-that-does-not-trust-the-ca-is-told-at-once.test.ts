import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { everyClient } from "./support/clients/every-client.ts";
import type { Entrepot } from "./support/entrepot.ts";
import { hasProgram, Journey } from "./support/journey.ts";

describe("a client without ca.crt", () => {
  let journey: Journey;
  let entrepot: Entrepot;
  beforeAll(async () => {
    journey = await Journey.begin();
    entrepot = await journey.entrepot();
  });
  afterAll(() => journey?.end());

  for (const [name, start] of everyClient) {
    it.skipIf(!hasProgram(name))(`${name} shows its usual TLS error`, async () => {
      // It trusts an authority, only not Entrepot's.
      const client = await journey.client(start, journey.upstreamCa, entrepot.proxy);
      const pulled = await client.pull("docker.io/library/alpine:3.20");
      expect(pulled.code).not.toBe(0);
      expect(pulled.output).toMatch(/x509|certificate/i);
      expect(pulled.seconds).toBeLessThan(20);
    });
  }
});
