import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { lookAtRecords } from "../../../src/app/commands/doctor/records.ts";
import { load } from "../../app/settings/loading.ts";
import { postgresServer, redisServer } from "../../support/record-servers.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

/** What the doctor says of these records. */
async function seen(RECORDS: string, more: Readonly<Record<string, string>> = {}) {
  const folder = await temporaryFolder();
  const [CA_CERT, CA_KEY] = [join(folder, "ca.crt"), join(folder, "ca.key")];
  const files = ["-keyout", CA_KEY, "-out", CA_CERT, "-nodes", "-subj", "/CN=x"];
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", ...files], { stdio: "ignore" });
  const keys = { CA_CERT, CA_KEY, TOKEN_SECRET: "CANARY-token-secret" };
  const environment = { DATA_DIR: join(folder, "data"), ...keys, RECORDS, ...more };
  const { settings } = await load({ environment });
  const findings = await lookAtRecords({
    ...{ settings, secretFiles: new Map(), environment: {}, now: Date.now, lookup: undefined },
    ...{ server: undefined, mayAsk: true, signal: AbortSignal.timeout(30_000) },
  });
  expect(JSON.stringify(findings)).not.toContain("CANARY");
  return findings.map(({ mark, what, mend = "" }) => [mark, what, mend]);
}

const hosting = { HOSTED_HOSTS: "registry.lan" };

describe("the doctor, of records", () => {
  it("in files says nothing", async () => {
    expect(await seen("sqlite:")).toEqual([]);
  });

  it("in Redis says whether it is reached, written to, and keeps what is pushed", async () => {
    const server = await redisServer({
      args: ["--requirepass", "CANARY-redis"],
      password: "CANARY-redis",
    });
    const at = `127.0.0.1:${server.port}/0`;
    const url = `redis://:CANARY-redis@${at}`;
    const away = await seen(url);
    expect(away).toEqual([
      ["wrong", expect.stringContaining("ECONNREFUSED"), expect.stringContaining("RECORDS")],
    ]);
    await server.start();
    expect(await seen(url)).toEqual([["well", `redis://${at} keeps records`, ""]]);
    const unknown = await seen(url.replace("CANARY-redis", "CANARY-wrong"));
    expect(unknown).toEqual([
      ["wrong", expect.stringContaining("WRONGPASS"), expect.stringContaining("login")],
    ]);
    expect(await seen(url, hosting)).toEqual([
      ["well", `redis://${at} keeps records`, ""],
      [
        "wrong",
        expect.stringContaining("may forget what is pushed"),
        expect.stringContaining("appendonly yes"),
      ],
    ]);
    await server.asOperator((redis) => redis.config("SET", "appendonly", "yes"));
    expect(await seen(url, hosting)).toEqual([
      ["well", `redis://${at} keeps records`, ""],
      ["mind", expect.stringContaining("appendfsync everysec"), "write appendfsync always"],
    ]);
    await server.asOperator((redis) => redis.config("SET", "maxmemory", "1mb"));
    expect(await seen(url)).toEqual([["wrong", expect.stringContaining("OOM"), expect.anything()]]);
  });

  it("in PostgreSQL says the same", async () => {
    const server = await postgresServer();
    await server.start();
    const at = `127.0.0.1:${server.port}/postgres`;
    const url = `postgres://entrepot@${at}`;
    expect(await seen(url, hosting)).toEqual([
      ["well", `postgres://${at} keeps records`, ""],
      ["well", `postgres://${at} keeps what is pushed`, ""],
    ]);
    expect(await seen(url.replace("postgres?", "none").replace(/postgres$/, "none"))).toEqual([
      ["wrong", expect.stringContaining('database "none" does not exist'), expect.anything()],
    ]);
  });
});
