import { mkdir, readFile, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { everyClient } from "./support/clients/every-client.ts";
import type { Entrepot } from "./support/entrepot.ts";
import { hasProgram, Journey, mustSucceed } from "./support/journey.ts";
import { type Run, run, runWell } from "./support/program.ts";
import { openFront } from "./support/upstream/front.ts";
import { ghcr, guideHosts, spare } from "./support/upstream/look-alikes.ts";
import { playPrivateRegistry } from "./support/upstream/private-registry.ts";

const login = "bob:CANARY-right";

describe("the CA that INTERCEPT=named makes", () => {
  let journey: Journey;
  let entrepot: Entrepot;

  beforeAll(async () => {
    journey = await Journey.begin();
    const place = { host: spare.host, images: ghcr.registry, login };
    const upstreamCa = await playPrivateRegistry(journey, place);
    entrepot = await journey.entrepot({
      INTERCEPT: "named",
      UPSTREAM_CA: upstreamCa,
      AUTH_REGISTRIES: `${spare.host}:${login}`,
    });
  });
  afterAll(() => journey?.end());

  for (const [name, start] of everyClient) {
    it.skipIf(!hasProgram(name))(`is believed by ${name} for these registries`, async () => {
      const client = await journey.client(start, entrepot.trust, entrepot.proxy);
      mustSucceed(await client.pull("docker.io/library/alpine:3.20"));
      mustSucceed(await client.pull("ghcr.io/acme/tool:1"));
      // One that only the operator's settings name, opened by his login. curl knows no Basic.
      if (name !== "curl") mustSucceed(await client.pull(`${spare.host}/acme/tool:1`));
      await client.wipe();
      mustSucceed(await client.pull("docker.io/library/alpine:3.20"));
    });
  }

  it("carries its limit as critical", async () => {
    const { stdout } = await runWell("openssl", ["x509", "-noout", "-text", "-in", entrepot.trust]);
    expect(stdout).toMatch(/X509v3 Name Constraints: critical\s+Permitted:/);
    for (const domain of ["docker.io", "ghcr.io", spare.host]) {
      expect(stdout).toContain(`DNS:${domain}\n`);
    }
  });

  describe("in a thief's hands", () => {
    it("opens the registries it is for, and openssl takes it for no other name", async () => {
      const [named, below] = [await forged(spare.host), await forged(`evil.${spare.host}`)];
      for (const { leaf, host } of [named, below]) {
        expect(await verified(leaf, host)).toMatchObject({ code: 0 });
      }
      for (const host of ["bank.example", `${spare.host}.evil.example`, `evil${spare.host}`]) {
        const { leaf } = await forged(host);
        const said = await verified(leaf, host);
        expect([host, said.code]).toEqual([host, 2]);
        expect(said.output).toContain("permitted subtree violation");
      }
    });

    it("nor for another machine's address", async () => {
      const { leaf } = await forged("192.0.2.7");
      const said = await verified(leaf, "192.0.2.7");
      expect(said.code).toBe(2);
      expect(said.output).toMatch(/(?:excluded|permitted) subtree violation/);
    });

    it("fools neither curl nor crane at a server of another name", async () => {
      const host = "hub.example.com";
      const files = await forged(host);
      const [cert, key, ca] = await Promise.all(
        [files.leaf, files.key, entrepot.trust].map((file) => readFile(file, "utf8")),
      );
      const certificate = { cert: cert ?? "", key: key ?? "", ca: ca ?? "" };
      const server = await openFront(host, guideHosts[host], certificate, (_request, response) =>
        response.end("stolen"),
      );
      onTestFinished(() => {
        server.close();
        server.closeAllConnections();
      });
      const env = { SSL_CERT_FILE: entrepot.trust, HOME: journey.folder };
      const curl = await run("curl", ["-sS", "--cacert", entrepot.trust, `https://${host}/v2/`]);
      expect([curl.code, curl.stdout]).toEqual([60, ""]);
      if (!hasProgram("crane")) return;
      const crane = await run("crane", ["manifest", `${host}/acme/tool:1`], { env });
      expect(crane.code).not.toBe(0);
      expect(crane.output).toMatch(/not permitted by any constraint/);
      expect(crane.output).not.toContain("stolen");
    });
  });

  /** A leaf for this host with the CA's own key, as who has stolen it would make one. */
  async function forged(host: string) {
    const folder = join(journey.folder, `forged-${host}`);
    await mkdir(folder, { recursive: true });
    const [key, request, leaf] = ["leaf.key", "leaf.csr", "leaf.pem"].map((name) =>
      join(folder, name),
    ) as [string, string, string];
    const extensions = join(folder, "extensions");
    const kind = isIP(host) === 0 ? "DNS" : "IP";
    await writeFile(extensions, `subjectAltName=${kind}:${host}\nextendedKeyUsage=serverAuth\n`);
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    const subject = ["-nodes", "-subj", "/O=Thief", "-keyout", key, "-out", request];
    await runWell("openssl", ["req", "-new", ...curve, ...subject]);
    const ca = ["-CA", entrepot.trust, "-CAkey", join(entrepot.dataDir, "ca", "ca.key")];
    const days = ["-days", "7", "-set_serial", "4711", "-extfile", extensions];
    await runWell("openssl", ["x509", "-req", "-in", request, ...ca, ...days, "-out", leaf]);
    return { host, key, leaf };
  }

  function verified(leaf: string, host: string): Promise<Run> {
    const name = [isIP(host) === 0 ? "-verify_hostname" : "-verify_ip", host];
    return run("openssl", ["verify", "-CAfile", entrepot.trust, ...name, leaf]);
  }
});
