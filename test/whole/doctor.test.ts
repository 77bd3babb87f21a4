import { mkdir, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { doctor } from "../../src/app/commands/doctor/doctor.ts";
import type { Symptom } from "../../src/app/commands/doctor/symptom.ts";
import { load } from "../app/settings/loading.ts";
import { makeAuthority } from "../support/certificates.ts";
import { temporaryFolder } from "../support/temp-folder.ts";

type Environment = Readonly<Record<string, string>>;

/** What it says of these settings; nobody but loopback answers. */
async function examined(environment: Environment, now = Date.now) {
  const lines: string[] = [];
  const parts = {
    environment: {},
    now,
    hasColours: false,
    print: (line: string) => lines.push(line),
  };
  const loaded = async () => await load({ environment: { ADMIN_PORT: "0", ...environment } });
  const code = await doctor({ ...parts, load: loaded, isJson: true, lookup });
  const findings = JSON.parse(lines.join("")) as Symptom[];
  expect(lines.join("")).not.toContain("CANARY");
  const of = (mark: Symptom["mark"]) =>
    findings.filter((one) => one.mark === mark).map(({ what, mend = "" }) => [what, mend]);
  return { code, well: of("well").flat(), minded: of("mind"), wrong: of("wrong") };
}

const lookup = async (host: string) => {
  if (host === "127.0.0.1" || host.endsWith(".test"))
    return [{ address: "127.0.0.1", family: 4 as const }];
  throw Object.assign(new Error("unknown"), { code: "ENOTFOUND" });
};

/** A registry at a name of its own, trusted by its file. */
async function registry(answer: RequestListener, name = "reg.test") {
  const authority = makeAuthority();
  const folder = await temporaryFolder();
  const ca = join(folder, "ca.pem");
  await writeFile(ca, authority.ca);
  const server = createTlsServer(authority.issue([name]), answer);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { name: `${name}:${port}`, ca, folder, settings: settingsFor(folder) };
}

function settingsFor(folder: string): Environment {
  return { DATA_DIR: join(folder, "data"), UPSTREAM_ALLOW_ADDRESSES: "127.0.0.0/8" };
}

const basic: RequestListener = (request, response) => {
  const isGood =
    request.headers.authorization === `Basic ${Buffer.from("u:CANARY").toString("base64")}`;
  response.writeHead(isGood ? 200 : 401, { "www-authenticate": 'Basic realm="x"' }).end();
};

describe("entrepot doctor", () => {
  it("says how settings are mended that make no sense", async () => {
    const { code, wrong } = await examined({ PORT: "x" });
    expect(code).toBe(1);
    expect(wrong).toEqual([['PORT is "x"', "write a port from 1 to 65535"]]);
  });

  it("finds a login that works, and one that is refused", async () => {
    const one = await registry(basic);
    const shared = { PORT: "39471", REGISTRIES: one.name, UPSTREAM_CA: one.ca };
    const environment = { ...one.settings, ...shared };
    const good = await examined({ ...environment, AUTH_REGISTRIES: `${one.name}:u:CANARY` });
    expect(good.well).toContain(`${one.name} answers`);
    expect(good.well).toContain(`the login of ${one.name} works`);
    expect(good.well).toContain("this machine's clock agrees with theirs");
    const bad = await examined({ ...environment, AUTH_REGISTRIES: `${one.name}:u:CANARY-2` });
    expect(bad.wrong).toContainEqual([
      `${one.name} refuses its login`,
      "see whether it has expired, and write a new one",
    ]);
  });

  it("writes the line that pairs a registry with its token host", async () => {
    const one = await registry((_request, response) => {
      const realm = 'Bearer realm="https://git.test/jwt/auth",service="x"';
      response.writeHead(401, { "www-authenticate": realm }).end();
    });
    const { wrong } = await examined({
      ...{ ...one.settings, PORT: "39471", REGISTRIES: one.name, UPSTREAM_CA: one.ca },
      AUTH_REGISTRIES: `${one.name}:u:CANARY`,
    });
    expect(wrong).toContainEqual([
      `the login of ${one.name} is not used: its tokens come from git.test`,
      `AUTH_REALMS="${one.name}=git.test"`,
    ]);
  });

  it("finds a certificate that nobody trusts, a name without an address, and a clock that is off", async () => {
    const one = await registry(basic);
    const environment = { ...one.settings, PORT: "39471" };
    const untrusted = await examined({ ...environment, REGISTRIES: `${one.name} gcr.oi` });
    expect(untrusted.wrong.flat().join("\n")).toMatch(/UPSTREAM_CA/);
    expect(untrusted.wrong).toContainEqual([
      "gcr.oi cannot be resolved (ENOTFOUND)",
      "did you mean gcr.io? If not, see which DNS this machine has",
    ]);
    const hub = untrusted.wrong.find(([what]) => what?.includes("docker.io"));
    expect(hub?.[1]).toBe("see which DNS this machine has, and whether HTTPS_PROXY has to be set");
    const late = () => Date.now() + 3_600_000;
    const trusted = { ...environment, REGISTRIES: one.name, UPSTREAM_CA: one.ca };
    const { wrong } = await examined(trusted, late);
    expect(wrong.flat().join("\n")).toMatch(/clock is 3[56]\d\d s ahead of theirs/);
  });

  it("finds who has a port, a volume that is smaller than the limit, an open door", async () => {
    const folder = await temporaryFolder();
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const { wrong, minded } = await examined({
      ...{ DATA_DIR: folder, HOST: "127.0.0.1", PORT: String(port), CACHE_MAX_SIZE: "900 TiB" },
      ...{ ALLOW_CLIENTS: "0.0.0.0/0", OFFLINE: "true" },
    });
    const [taken] = wrong.filter(([what]) => what?.includes("is taken"));
    expect(taken).toEqual([
      expect.stringMatching(
        new RegExp(`^127\\.0\\.0\\.1:${port} is taken by \\S+.* \\(pid ${process.pid}\\)$`),
      ),
      "stop that, or write another PORT",
    ]);
    expect(minded.flat().join("\n")).toMatch(/CACHE_MAX_SIZE is 921600 GiB/);
    expect(minded.flat().join("\n")).toMatch(/ALLOW_CLIENTS covers the world/);
  });

  it("finds a CA that ends soon", async () => {
    const folder = await temporaryFolder();
    const notAfter = new Date(Date.now() + 30.5 * 86_400_000);
    const { cert } = makeAuthority().issue(["ca.test"], { notAfter });
    await mkdir(join(folder, "ca"));
    await writeFile(join(folder, "ca", "ca.crt"), cert);
    const { minded } = await examined({ DATA_DIR: folder, PORT: "39471", OFFLINE: "true" });
    expect(minded.map(([what]) => what)).toContain("the CA is good for 30 days");
  });
});
