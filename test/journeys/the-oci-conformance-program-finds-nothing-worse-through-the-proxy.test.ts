import { randomUUID } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeAuthority } from "../support/certificates.ts";
import { judge } from "./support/conformance.ts";
import { hasProgram, Journey } from "./support/journey.ts";
import type { Environment } from "./support/program.ts";
import { type DockerRegistry, startDockerRegistry } from "./support/upstream/docker-registry.ts";
import { spare } from "./support/upstream/look-alikes.ts";
import { startOlareg } from "./support/upstream/olareg.ts";

const login = { user: "ci", password: "CANARY-ci" };

type Kind = {
  readonly program: "docker-registry" | "olareg";
  readonly isPlain: boolean;
  readonly login: "Basic" | "Bearer" | undefined;
};

/** It deletes, too, and asks at once whether that is so. */
describe.skipIf(!hasProgram("oci-conformance"))(
  "the OCI conformance program",
  { timeout: 900_000 },
  () => {
    let journey: Journey;
    let ca = "";
    let tls = { cert: "", key: "" };

    beforeAll(async () => {
      journey = await Journey.begin();
      const authority = makeAuthority("Private authority");
      const { cert, key } = authority.issue([spare.host]);
      const files = { ca: authority.ca, cert, key };
      for (const [name, text] of Object.entries(files))
        await writeFile(join(journey.folder, `${name}.pem`), text);
      ca = join(journey.folder, "ca.pem");
      tls = { cert: join(journey.folder, "cert.pem"), key: join(journey.folder, "key.pem") };
    });
    afterAll(() => journey?.end());

    /** Empty each time. */
    async function registry(kind: Kind): Promise<DockerRegistry> {
      const folder = join(journey.folder, randomUUID());
      const storage = join(folder, "storage");
      await mkdir(storage, { recursive: true });
      const at = { ...spare, ...(kind.isPlain ? {} : { tls }) };
      const by = kind.login;
      if (kind.program === "olareg")
        return startOlareg({
          folder,
          at,
          ...(by === undefined ? {} : { login: { ...login, by } }),
        });
      const htpasswd = join(folder, "htpasswd");
      await writeFile(htpasswd, `${login.user}:${hashSync(login.password, 4)}\n`);
      return startDockerRegistry({
        storage,
        folder,
        at,
        ...(by === undefined ? {} : { htpasswd }),
      });
    }

    /** Every one of its tests and how that ended, in order of their names, of which some are there twice. */
    async function verdicts(where: string, kind: Kind, env: Environment) {
      const folder = join(journey.folder, randomUUID());
      const who = { OCI_USERNAME: login.user, OCI_PASSWORD: login.password };
      await judge(folder, {
        ...{ OCI_REGISTRY: where, OCI_TLS: kind.isPlain ? "disabled" : "enabled" },
        ...{ OCI_REPO1: "conformance/one", OCI_REPO2: "conformance/two" },
        ...(kind.login === undefined ? {} : who),
        ...env,
      });
      const report = await readFile(join(folder, "results/junit.xml"), "utf8");
      const found = report.matchAll(/<testcase name="([^"]+)"[^>]* status="([^"]+)"/g);
      return Array.from(found, ([, name, status]) => `${name} ${status}`).sort();
    }

    const kinds: readonly Kind[] = [
      { program: "docker-registry", isPlain: false, login: "Basic" },
      { program: "olareg", isPlain: true, login: undefined },
      { program: "olareg", isPlain: false, login: "Basic" },
      { program: "olareg", isPlain: false, login: "Bearer" },
    ];

    it.each(kinds)("finds nothing worse at $program through the proxy: %j", async (kind) => {
      if (!hasProgram(kind.program)) return;
      const first = await registry(kind);
      const direct = await verdicts(`${spare.host}:${first.port}`, kind, { SSL_CERT_FILE: ca });
      await first.stop();
      expect(direct.filter((line) => line.endsWith(" passed")).length).toBeGreaterThan(500);
      const second = await registry(kind);
      const REGISTRIES = `${kind.isPlain ? "http://" : ""}${spare.host}:${second.port}`;
      const entrepot = await journey.entrepot({ REGISTRIES, UPSTREAM_CA: ca }, randomUUID());
      const { proxy, trust } = entrepot;
      const way = { HTTP_PROXY: proxy, HTTPS_PROXY: proxy, SSL_CERT_FILE: trust };
      const proxied = await verdicts(`${spare.host}:${second.port}`, kind, way);
      await second.stop();
      expect(entrepot.lines.filter((line) => line.includes("CANARY"))).toEqual([]);
      await entrepot.stop();
      // docker-registry answers malformed digests with 500, and what is no range with half an answer.
      expect(without(failures(proxied), failures(direct)), "worse than directly").toEqual([]);
      expect(proxied.length).toBe(direct.length);
      if (kind.program === "olareg") expect(proxied).toEqual(direct);
    });
  },
);

function failures(verdicts: readonly string[]): readonly string[] {
  return verdicts.filter((line) => !line.endsWith(" passed"));
}

/** What is left of them when each of the others has taken one that is the same. */
function without(all: readonly string[], others: readonly string[]): readonly string[] {
  const left = [...all];
  for (const other of others) {
    const at = left.indexOf(other);
    if (at >= 0) left.splice(at, 1);
  }
  return left;
}
