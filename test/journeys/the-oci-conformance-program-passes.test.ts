import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { postgresServer } from "../support/record-servers.ts";
import { sharedSettings } from "../support/shared-settings.ts";
import { hasVersity, Versity } from "../support/versity.ts";
import { expectNoFailure, type Judged, judge } from "./support/conformance.ts";
import { hasProgram, Journey } from "./support/journey.ts";
import type { Environment } from "./support/program.ts";

const login = { user: "ci", password: "CANARY-ci" };

describe.skipIf(!hasProgram("oci-conformance"))("the OCI conformance program", () => {
  let journey: Journey;
  let htpasswd = "";
  beforeAll(async () => {
    journey = await Journey.begin();
    htpasswd = join(journey.folder, "htpasswd");
    await writeFile(htpasswd, `${login.user}:${hashSync(login.password, 8)}\n`);
  });
  afterAll(() => journey?.end());

  async function pushed(name: string, settings: Environment, about: Environment): Promise<Judged> {
    const entrepot = await journey.entrepot(
      { HOST: "127.0.0.1", HOSTED_HOSTS: "localhost", ...settings },
      `entrepot-${name}`,
    );
    const isTls = settings.TLS_PORT !== undefined;
    const judged = await judge(join(journey.folder, name), {
      OCI_REGISTRY: `localhost:${settings.TLS_PORT ?? entrepot.port}`,
      ...(isTls ? { SSL_CERT_FILE: entrepot.trust } : { OCI_TLS: "disabled" }),
      ...{ OCI_REPO1: "conformance/one", OCI_REPO2: "conformance/two", ...about },
    });
    expect(judged.stdout).toContain("OCI Conformance Result: Pass");
    expectNoFailure(judged);
    expect(judged.figure("Pass")).toBeGreaterThanOrEqual(900);
    return judged;
  }

  it("passes whole, leaving nothing out, where manifests may be sparse", async () => {
    const sparse = { HOSTED_SPARSE: "true", HOSTED_ANONYMOUS_PUSH: "true" };
    const { figure } = await pushed("sparse", sparse, { OCI_DATA_SPARSE: "true" });
    expect([figure("Skip"), figure("Disabled")]).toEqual([0, 0]);
  });

  it.skipIf(!hasVersity)(
    "passes the same with a bucket in S3 behind the disk, and records in PostgreSQL",
    async () => {
      const bucketLogin = { accessKey: "entrepot", secretKey: "CANARY-s3-secret" };
      const s3 = await Versity.start(join(journey.folder, "s3"), bucketLogin);
      journey.atEnd(() => s3.kill());
      const store = {
        STORE: `s3://images?endpoint=${s3.url}`,
        ...{ S3_ACCESS_KEY: bucketLogin.accessKey, S3_SECRET_KEY: bucketLogin.secretKey },
        UPSTREAM_ALLOW_ADDRESSES: "127.0.0.0/8",
      };
      // What its disk takes its time for is a refusal, and the program asks nothing twice.
      const postgres = await postgresServer({ settings: { fsync: "off" } });
      await postgres.start();
      const records = {
        RECORDS: `postgres://entrepot@127.0.0.1:${postgres.port}/postgres`,
        ...(await sharedSettings(journey)),
      };
      const sparse = { HOSTED_SPARSE: "true", HOSTED_ANONYMOUS_PUSH: "true" };
      const about = { OCI_DATA_SPARSE: "true" };
      const { figure } = await pushed(
        journey.unusedName(),
        { ...sparse, ...store, ...records },
        about,
      );
      const kept = await postgres.asOperator((client) =>
        client.query("SELECT count(*)::int AS count FROM entrepot_pushed"),
      );
      expect(kept.rows[0].count).toBeGreaterThan(0);
      expect([figure("Skip"), figure("Disabled")]).toEqual([0, 0]);
    },
  );

  it.each(["plain", "TLS"])(
    "passes with logins over %s, as everything is by default",
    async (how) => {
      const tls = how === "TLS" ? { TLS_PORT: String(await freePort()) } : {};
      const about = { OCI_USERNAME: login.user, OCI_PASSWORD: login.password };
      await pushed(`logins-${how}`, { HOSTED_HTPASSWD: htpasswd, ...tls }, about);
    },
  );
});
