/**
 * The OCI conformance program at a registry, once directly and once through the proxy: what directly
 * passes, passes. It deletes, too, and asks at once whether that is so.
 */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Certificate, makeAuthority } from "../../support/certificates.ts";
import { judge } from "./conformance.ts";
import { hasProgram, Journey } from "./journey.ts";
import type { Environment } from "./program.ts";
import {
  type DockerRegistry,
  type DockerRegistryOptions,
  startDockerRegistry,
} from "./upstream/docker-registry.ts";
import { spare } from "./upstream/look-alikes.ts";
import { startOlareg } from "./upstream/olareg.ts";
import { openTokenService, TokenService } from "./upstream/token-service.ts";

export type Kind = {
  readonly program: "docker-registry" | "distribution-3" | "olareg";
  readonly isPlain: boolean;
  readonly login: "Basic" | "Bearer" | undefined;
};

const login = { user: "ci", password: "CANARY-ci" };

export function findsNothingWorse(kinds: readonly Kind[]): void {
  describe.skipIf(!hasProgram("oci-conformance"))(
    "the OCI conformance program",
    { timeout: 900_000 },
    () => {
      let trial: Trial;
      beforeAll(async () => {
        trial = await Trial.begin();
      });
      afterAll(() => trial?.journey.end());

      for (const kind of kinds) {
        it.skipIf(!hasProgram(kind.program))(
          `finds nothing worse at ${kind.program} through the proxy: ${JSON.stringify(kind)}`,
          async () => {
            const direct = await trial.directly(kind);
            expect(direct.filter((line) => line.endsWith(" passed")).length).toBeGreaterThan(500);
            const proxied = await trial.proxied(kind);
            // Some registries answer malformed digests with 500, and what is no range with half an answer.
            expect(without(failures(proxied), failures(direct)), "worse than directly").toEqual([]);
            expect(proxied.length).toBe(direct.length);
            if (kind.program === "olareg") expect(proxied).toEqual(direct);
          },
        );
      }
    },
  );
}

type Started = DockerRegistry & { readonly realmPort?: number };

/** A registry for each run of the program, empty each time, and under the same name. */
class Trial {
  readonly journey: Journey;
  readonly #certificate: Certificate;

  private constructor(journey: Journey, certificate: Certificate) {
    this.journey = journey;
    this.#certificate = certificate;
  }

  static async begin(): Promise<Trial> {
    const journey = await Journey.begin();
    const certificate = makeAuthority("Private authority").issue([spare.host]);
    for (const [name, text] of Object.entries(certificate))
      await writeFile(join(journey.folder, `${name}.pem`), text);
    return new Trial(journey, certificate);
  }

  async directly(kind: Kind): Promise<readonly string[]> {
    const registry = await this.#start(kind);
    try {
      return await this.#verdicts(registry, kind, { SSL_CERT_FILE: this.#file("ca") });
    } finally {
      await registry.stop();
    }
  }

  async proxied(kind: Kind): Promise<readonly string[]> {
    const registry = await this.#start(kind);
    const scheme = kind.isPlain ? "http://" : "";
    const { port, realmPort = port } = registry;
    // A realm on a port of its own is let through to once it is named.
    const named = [port, realmPort].map((at) => `${scheme}${spare.host}:${at}`);
    const REGISTRIES = named.join(" ");
    const UPSTREAM_CA = this.#file("ca");
    const entrepot = await this.journey.entrepot({ REGISTRIES, UPSTREAM_CA }, randomUUID());
    const { proxy, trust } = entrepot;
    const way = { HTTP_PROXY: proxy, HTTPS_PROXY: proxy, SSL_CERT_FILE: trust };
    try {
      return await this.#verdicts(registry, kind, way);
    } finally {
      await registry.stop();
      await entrepot.stop();
      expect(entrepot.lines.filter((line) => line.includes("CANARY"))).toEqual([]);
    }
  }

  #file(name: keyof Certificate): string {
    return join(this.journey.folder, `${name}.pem`);
  }

  async #start(kind: Kind): Promise<Started> {
    const folder = join(this.journey.folder, randomUUID());
    await mkdir(folder);
    const tls = { cert: this.#file("cert"), key: this.#file("key") };
    const at = { ...spare, ...(kind.isPlain ? {} : { tls }) };
    if (kind.program === "olareg") {
      const by = kind.login;
      return startOlareg({ folder, at, ...(by === undefined ? {} : { login: { ...login, by } }) });
    }
    const storage = join(folder, "storage");
    await mkdir(storage);
    const realm = await this.#realm(kind);
    const guarded = await guard(kind, folder, realm?.token);
    const { program } = kind;
    const registry = await startDockerRegistry({ program, storage, folder, at, ...guarded });
    if (realm === undefined) return registry;
    const stop = async (): Promise<void> => {
      await registry.stop();
      await realm.close();
    };
    return { port: registry.port, realmPort: realm.port, stop };
  }

  /** On a port of its own, as a docker-registry needs one that gives tokens. */
  async #realm({ login: by, isPlain }: Kind) {
    if (by !== "Bearer") return undefined;
    const certificate = this.#certificate;
    const [service, users] = ["registry", { [login.user]: login.password }];
    const repositories = { privateRepositories: ["conformance/one", "conformance/two"] };
    const tokens = new TokenService({ service, users, certificate, ...repositories });
    const at = { ...spare, ...(isPlain ? {} : { certificate }) };
    const { port, close } = await openTokenService(tokens, at);
    const realm = `${isPlain ? "http" : "https"}://${spare.host}:${port}/token`;
    return { token: { realm, service, ca: certificate.ca }, port, close };
  }

  /** Every one of its tests and how that ended, in order of their names, of which some are there twice. */
  async #verdicts(
    { port }: DockerRegistry,
    kind: Kind,
    env: Environment,
  ): Promise<readonly string[]> {
    const folder = join(this.journey.folder, randomUUID());
    const who = { OCI_USERNAME: login.user, OCI_PASSWORD: login.password };
    await judge(folder, {
      OCI_REGISTRY: `${spare.host}:${port}`,
      OCI_TLS: kind.isPlain ? "disabled" : "enabled",
      ...{ OCI_REPO1: "conformance/one", OCI_REPO2: "conformance/two" },
      ...(kind.login === undefined ? {} : who),
      ...env,
    });
    const report = await readFile(join(folder, "results/junit.xml"), "utf8");
    const found = report.matchAll(/<testcase name="([^"]+)"[^>]* status="([^"]+)"/g);
    return Array.from(found, ([, name, status]) => `${name} ${status}`).sort();
  }
}

/** What a docker-registry is told of logins. */
async function guard(
  { login: by }: Kind,
  folder: string,
  token: DockerRegistryOptions["token"],
): Promise<Pick<DockerRegistryOptions, "token" | "htpasswd">> {
  if (token !== undefined) return { token };
  if (by === undefined) return {};
  const htpasswd = join(folder, "htpasswd");
  await writeFile(htpasswd, `${login.user}:${hashSync(login.password, 4)}\n`);
  return { htpasswd };
}

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
