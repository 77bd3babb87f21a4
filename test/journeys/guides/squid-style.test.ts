import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeAuthority } from "../../support/certificates.ts";
import { freePort } from "../../support/free-port.ts";
import type { Entrepot } from "../support/entrepot.ts";
import { Guide } from "../support/guide.ts";
import { Journey } from "../support/journey.ts";
import { canBoot, type Machine } from "../support/machine.ts";
import { guideHosts } from "../support/upstream/look-alikes.ts";
import { playPrivateRegistry } from "../support/upstream/private-registry.ts";

const name = "registry-cache.corp.example";
const forget = "docker images --quiet | sort -u | xargs --no-run-if-empty docker rmi --force";

describe.skipIf(!canBoot())("squid-style.md", () => {
  let journey: Journey;
  let guide: Guide;
  let entrepot: Entrepot;
  let machine: Machine;
  beforeAll(async () => {
    guide = await Guide.open("squid-style.md");
    journey = await Journey.begin();
    const UPSTREAM_CA = await playPrivateRegistry(journey, {
      host: "registry.corp.example",
      images: "registry.corp.example",
      login: "bob:CANARY-right",
    });
    const authority = makeAuthority("Company authority");
    const TLS_CERT = join(journey.folder, "certificates");
    await mkdir(TLS_CERT);
    const { cert, key } = authority.issue([name]);
    await writeFile(join(TLS_CERT, "cert.pem"), cert);
    await writeFile(join(TLS_CERT, "key.pem"), key);
    const at = { HOST: guideHosts[name], PORT: String(await freePort()), UPSTREAM_CA };
    entrepot = await journey.entrepot({ ...guide.settings("MIRROR_LOGIN="), ...at, TLS_CERT });
    machine = await journey.machine({
      "/usr/local/share/ca-certificates/company.crt": authority.ca,
    });
    await machine.must("systemctl start docker");
  });
  afterAll(() => journey?.end());

  it("docker logs in as it is shown, pulls, and pulls from disk", async () => {
    const { ledger } = journey.upstream;
    const [login = "", pull = ""] = guide.take("docker login").split("\n");
    expect((await machine.run(pull)).code).not.toBe(0);
    const wrong = await machine.type(login, ["bob", "CANARY-wrong"]);
    expect(wrong.output).toMatch(/unauthorized|401/i);
    const right = await machine.type(login, ["bob", "CANARY-right"]);
    expect(right.output).toContain("Login Succeeded");
    await machine.must(pull);
    await machine.must(forget);
    ledger.clear();
    await machine.must(pull);
    expect(ledger.contentGets()).toEqual([]);

    await machine.must(`${forget}; docker logout ${name}`);
    expect((await machine.run(pull)).code).not.toBe(0);
    expect(entrepot.lines.filter((line) => line.includes("CANARY"))).toEqual([]);
  });

  it("has no other command", () => {
    expect(guide.left()).toEqual([]);
  });
});
