import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasProgram, Journey } from "./support/journey.ts";
import { type Environment, run } from "./support/program.ts";

const login = { user: "ci", password: "CANARY-ci" };

/** Its exit code says nothing: 0 also when nothing ran. */
function figureOf(output: string, name: string): number {
  return Number(new RegExp(`^\\s*${name}\\.+:\\s+(\\d+)`, "m").exec(output)?.[1] ?? Number.NaN);
}

describe.skipIf(!hasProgram("oci-conformance"))("the OCI conformance program", () => {
  let journey: Journey;
  beforeAll(async () => {
    journey = await Journey.begin();
  });
  afterAll(() => journey?.end());

  async function judge(name: string, settings: Environment, about: Environment) {
    const folder = join(journey.folder, name);
    await mkdir(folder, { recursive: true });
    const entrepot = await journey.entrepot(
      { HOST: "127.0.0.1", HOSTED_HOSTS: "localhost", ...settings },
      `entrepot-${name}`,
    );
    const { stdout } = await run("oci-conformance", [], {
      cwd: folder,
      env: {
        ...{ OCI_REGISTRY: `localhost:${entrepot.port}`, OCI_TLS: "disabled", OCI_VERSION: "dev" },
        ...{ OCI_REPO1: "conformance/one", OCI_REPO2: "conformance/two", ...about },
      },
    });
    expect(stdout).toContain("OCI Conformance Result: Pass");
    expect([figureOf(stdout, "FAIL"), figureOf(stdout, "Error")]).toEqual([0, 0]);
    return stdout;
  }

  it("passes whole, leaving nothing out, where manifests may be sparse", async () => {
    const sparse = { HOSTED_SPARSE: "true", HOSTED_ANONYMOUS_PUSH: "true" };
    const stdout = await judge("sparse", sparse, { OCI_DATA_SPARSE: "true" });
    expect([figureOf(stdout, "Skip"), figureOf(stdout, "Disabled")]).toEqual([0, 0]);
    expect(figureOf(stdout, "Pass")).toBeGreaterThanOrEqual(900);
  });

  it("passes with logins, as everything is by default", async () => {
    const htpasswd = join(journey.folder, "htpasswd");
    await writeFile(htpasswd, `${login.user}:${hashSync(login.password, 8)}\n`);
    const stdout = await judge(
      "logins",
      { HOSTED_HTPASSWD: htpasswd },
      { OCI_USERNAME: login.user, OCI_PASSWORD: login.password },
    );
    expect(figureOf(stdout, "Pass")).toBeGreaterThanOrEqual(900);
  });
});
