import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeAuthority } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { certificateAt } from "./support/acme.ts";
import { startBuildkit } from "./support/clients/buildkit.ts";
import type { Client, StartClient } from "./support/clients/client.ts";
import { startBuildah, startPodman, startSkopeo } from "./support/clients/containers-tools.ts";
import { startCrane } from "./support/clients/crane.ts";
import { Curl } from "./support/clients/curl.ts";
import { startDocker } from "./support/clients/docker.ts";
import type { Entrepot } from "./support/entrepot.ts";
import { hasProgram, Journey, mustSucceed } from "./support/journey.ts";
import { ghcr, spare } from "./support/upstream/look-alikes.ts";
import { playPrivateRegistry } from "./support/upstream/private-registry.ts";

const right = "bob:CANARY-right";
const wrong = "bob:CANARY-wrong";

/** dockerd tries plain HTTP after a refusal on loopback, and tells of that. */
const refusal = /unauthori[sz]ed|authentication required|denied|no basic auth|EOF/i;

describe("in front of one private registry with Basic auth, on a TLS port with its own certificate", () => {
  let journey: Journey;
  let entrepot: Entrepot;
  let tlsPort: number;
  let certificates: string;
  let trust: string;
  const authority = makeAuthority("Company authority");

  const clients: readonly (readonly [string, StartClient])[] = [
    ["dockerd", (surroundings) => startDocker(surroundings)],
    ["podman", startPodman],
    ["skopeo", startSkopeo],
    ["buildah", startBuildah],
    ["crane", startCrane],
    // Left out, a registry on loopback is plain.
    [
      "buildkitd",
      (its) => startBuildkit(its, `[registry."127.0.0.1:${tlsPort}"]\n  http = false\n`),
    ],
  ];

  beforeAll(async () => {
    journey = await Journey.begin();
    const ca = await playPrivateRegistry(journey, {
      host: spare.host,
      images: ghcr.registry,
      login: right,
    });
    certificates = join(journey.folder, "certificates");
    trust = join(journey.folder, "company-ca.pem");
    await mkdir(certificates);
    await writeFile(trust, authority.ca);
    await putCertificate();
    tlsPort = await freePort();
    entrepot = await journey.entrepot({
      UPSTREAM_CA: ca,
      MIRROR_DEFAULT: spare.host,
      MIRROR_LOGIN: spare.host,
      TLS_PORT: String(tlsPort),
      TLS_CERT: certificates,
    });
  });
  afterAll(() => journey?.end());

  async function putCertificate(): Promise<void> {
    const { cert, key } = authority.issue(["127.0.0.1", "squid.example.com"]);
    await writeFile(join(certificates, "key.pem"), key);
    await writeFile(join(certificates, "cert.pem"), cert);
  }

  for (const [name, start] of clients) {
    it.skipIf(!hasProgram(name))(
      `${name} pulls with the right password alone, cached or not`,
      async () => {
        const { ledger } = journey.upstream;
        const image = `127.0.0.1:${tlsPort}/acme/tool:1`;
        const friend = await journey.client(loggedIn(start, tlsPort, right), trust);
        mustSucceed(await friend.pull(image));
        await friend.wipe();
        ledger.clear();
        mustSucceed(await friend.pull(image));
        expect(ledger.contentGets(), "from disk").toEqual([]);

        for (const login of [wrong, undefined]) {
          const stranger = await journey.client(loggedIn(start, tlsPort, login), trust);
          ledger.clear();
          const refused = await stranger.pull(image);
          expect(refused.code, refused.output).not.toBe(0);
          expect(refused.output).toMatch(refusal);
        }
      },
    );
  }

  it("answers a wrong password with the registry's own challenge", async () => {
    const curl = new Curl({ folder: journey.folder, trust });
    const url = `https://127.0.0.1:${tlsPort}/v2/acme/tool/manifests/1`;
    const refused = await curl.get(url, "--user", wrong, "--dump-header", "-");
    expect(refused.status).toBe(401);
    expect(refused.run.stdout).toMatch(/^www-authenticate: Basic realm="company"/im);
    expect((await curl.get(url, "--user", right)).status).toBe(200);
  });

  it("shows a new certificate when its files change, without a restart", async () => {
    const before = await certificateAt(tlsPort, "squid.example.com");
    await putCertificate();
    await eventually(
      async () => (await certificateAt(tlsPort, "squid.example.com")).serial !== before.serial,
      { withinMs: 30_000, everyMs: 200 },
    );
  });

  it("keeps every password out of its log", () => {
    expect(entrepot.lines.filter((line) => line.includes("CANARY"))).toEqual([]);
  });
});

/** With its login where docker, podman and crane look for one. */
function loggedIn(start: StartClient, port: number, login: string | undefined): StartClient {
  return async (surroundings): Promise<Client> => {
    const client = await start(surroundings);
    const auth = Buffer.from(login ?? "").toString("base64");
    const auths = login === undefined ? {} : { [`127.0.0.1:${port}`]: { auth } };
    for (const file of ["config.json", "no-credentials.json"]) {
      await writeFile(join(surroundings.folder, file), JSON.stringify({ auths }));
    }
    return client;
  };
}
