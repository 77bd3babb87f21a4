import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { type IncomingMessage, request as plainRequest, type ServerResponse } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { makeAuthority } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { certificateAt } from "./support/acme.ts";
import type { Client, StartClient } from "./support/clients/client.ts";
import { startBuildah, startPodman, startSkopeo } from "./support/clients/containers-tools.ts";
import { startCrane } from "./support/clients/crane.ts";
import { Curl } from "./support/clients/curl.ts";
import { startDocker } from "./support/clients/docker.ts";
import type { Entrepot } from "./support/entrepot.ts";
import { freePort } from "./support/free-port.ts";
import { hasProgram, Journey, mustSucceed } from "./support/journey.ts";
import { startDockerRegistry } from "./support/upstream/docker-registry.ts";
import { openFront } from "./support/upstream/front.ts";
import { ghcr, spare } from "./support/upstream/look-alikes.ts";
import { userOf } from "./support/upstream/token-service.ts";

const right = "bob:CANARY-right";
const wrong = "bob:CANARY-wrong";

/** dockerd tries plain HTTP after a refusal on loopback, and tells of that. */
const refusal = /unauthori[sz]ed|authentication required|denied|no basic auth|EOF/i;

const clients: readonly (readonly [string, StartClient])[] = [
  ["dockerd", (surroundings) => startDocker(surroundings)],
  ["podman", startPodman],
  ["skopeo", startSkopeo],
  ["buildah", startBuildah],
  ["crane", startCrane],
];

describe("in front of one private registry with Basic auth, on a TLS port with its own certificate", () => {
  let journey: Journey;
  let entrepot: Entrepot;
  let tlsPort: number;
  let certificates: string;
  let trust: string;
  const authority = makeAuthority("Company authority");
  const ends: (() => unknown)[] = [];

  beforeAll(async () => {
    journey = await Journey.begin();
    const ca = await playPrivateRegistry(journey, ends);
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
  afterAll(async () => {
    await journey?.end();
    for (const end of ends.reverse()) await end();
  });

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

/** Debian's docker-registry behind TLS and a password; gives the file with its authority. */
async function playPrivateRegistry(journey: Journey, ends: (() => unknown)[]): Promise<string> {
  const folder = join(journey.folder, "private");
  const storage = join(inject("parts").images, ghcr.registry);
  const registry = await startDockerRegistry({ storage, folder });
  ends.push(() => registry.stop());
  const authority = makeAuthority("Private authority");
  const server = await openFront(
    spare.host,
    spare.address,
    authority.issue([spare.host]),
    (request, response) => void guard(journey, registry.port, { request, response }),
  );
  ends.push(
    () => server.closeAllConnections(),
    () => server.close(),
  );
  const file = join(folder, "ca.pem");
  await writeFile(file, authority.ca);
  return file;
}

async function guard(
  { upstream }: Journey,
  port: number,
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
): Promise<void> {
  const { method = "GET", url: path = "/", headers } = request;
  const entry = upstream.ledger.add({
    ...{ host: spare.host, method, path, status: 0, bytes: 0 },
    hasAuthorization: headers.authorization !== undefined,
    user: userOf(headers.authorization),
    userAgent: headers["user-agent"] ?? "",
  });
  if (headers.authorization !== `Basic ${Buffer.from(right).toString("base64")}`) {
    entry.status = 401;
    response.writeHead(401, { "www-authenticate": 'Basic realm="company"' }).end();
    return;
  }
  const { authorization: _login, ...others } = headers;
  const asked = plainRequest({ host: "127.0.0.1", port, method, path, headers: others });
  asked.end();
  const [answer] = await once(asked, "response");
  entry.status = answer.statusCode;
  response.writeHead(entry.status, answer.rawHeaders);
  answer.pipe(response);
}
