/** Each thing that can be wrong on a machine is found by doctor, with the line that mends it. */
import { chmod, chown, mkdir, statfs, writeFile } from "node:fs/promises";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { doctor } from "../../src/app/commands/doctor/doctor.ts";
import type { Symptom } from "../../src/app/commands/doctor/symptom.ts";
import type { Lookup } from "../../src/upstream/net/name-lookup.ts";
import { load } from "../app/settings/loading.ts";
import { makeAuthority } from "../support/certificates.ts";
import { freePort } from "../support/free-port.ts";
import { temporaryFolder } from "../support/temp-folder.ts";
import { tunnel } from "./support/client.ts";
import { Scene } from "./support/program.ts";

const day = 86_400_000;
const isRoot = process.getuid?.() === 0;

type Texts = Readonly<Record<string, string>>;

const atLoopback: Lookup = async (host) => {
  if (host.endsWith(".test") || host.endsWith("docker.io")) {
    return [{ address: host.endsWith("docker.io") ? "127.0.0.9" : "127.0.0.1", family: 4 }];
  }
  throw Object.assign(new Error("unknown"), { code: "ENOTFOUND" });
};

async function findings(environment: Texts, files: Texts = {}): Promise<readonly Symptom[]> {
  const lines: string[] = [];
  await doctor({
    load: () => load({ environment: { ADMIN_PORT: "0", PORT: "39471", ...environment }, files }),
    ...{ environment: {}, now: Date.now, hasColours: false, isJson: true, lookup: atLoopback },
    print: (line) => void lines.push(line),
  });
  expect(lines.join("")).not.toContain("CANARY");
  return JSON.parse(lines.join("")) as Symptom[];
}

/** The one whose words hold these. */
async function finding(words: string, environment: Texts, files: Texts = {}) {
  const all = await findings(environment, files);
  const found = all.find(({ what }) => what.includes(words));
  if (found === undefined) throw new Error(`not among\n${all.map(({ what }) => what).join("\n")}`);
  return found;
}

async function dataFolder(): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, "ca"));
  return folder;
}

describe("what doctor finds in the data folder", () => {
  it.skipIf(!isRoot)("files of another user", async () => {
    const folder = await dataFolder();
    await chown(folder, 1234, 1234);
    await chown(join(folder, "ca"), 1234, 1234);
    await writeFile(join(folder, "ca", "ca.crt"), "");
    expect(await finding("belongs to user 0", { DATA_DIR: folder, OFFLINE: "true" })).toEqual({
      mark: "wrong",
      what: `ca/ca.crt in ${folder} belongs to user 0, and the folder to user 1234`,
      mend: `chown -R 1234:1234 ${folder}`,
    });
  });

  it("no room for CACHE_MAX_SIZE, and how much there is room for; what is kept has its room already", async () => {
    const folder = await dataFolder();
    const { bavail, bsize } = await statfs(folder);
    const gib = 2 ** 30;
    const free = Math.floor((bavail * bsize) / gib);
    const settings = { DATA_DIR: folder, OFFLINE: "true", CACHE_MIN_FREE: "0" };
    const without = await finding("are free", { ...settings, CACHE_MAX_SIZE: `${free + 20}g` });
    expect(without.mark).toBe("mind");
    const possible = Number(/CACHE_MAX_SIZE=(\d+)g/.exec(without.mend ?? "")?.[1]);
    expect(Math.abs(possible - free)).toBeLessThan(3);
    const taken = await finding("are free", { ...settings, CACHE_MAX_SIZE: `${possible - 2}g` });
    expect(taken.mark).toBe("well");
    // By its name alone: what is kept is not looked into.
    const shard = join(folder, "blobs", "sha256", "ab");
    await mkdir(shard, { recursive: true });
    await writeFile(join(shard, `${"ab".repeat(32)}.${30 * gib}`), "");
    const kept = await finding("are free", { ...settings, CACHE_MAX_SIZE: `${free + 20}g` });
    expect(kept).toMatchObject({ mark: "well", what: expect.stringContaining("beside 30 GiB") });
  });

  it("less room than CACHE_MIN_FREE leaves of it", async () => {
    const folder = await dataFolder();
    const settings = { DATA_DIR: folder, OFFLINE: "true", CACHE_MAX_SIZE: "1g" };
    expect(await finding("are free", { ...settings, CACHE_MIN_FREE: "99%" })).toMatchObject({
      mark: "mind",
    });
  });

  it("a key that others can read, and a login that they can", async () => {
    const folder = await dataFolder();
    const [key, login] = [join(folder, "ca", "ca.key"), join(folder, "logins")];
    await writeFile(key, "CANARY");
    await writeFile(login, "ghcr.io:u:CANARY");
    for (const path of [key, login]) await chmod(path, 0o644);
    const environment = { DATA_DIR: folder, OFFLINE: "true", AUTH_REGISTRIES_FILE: login };
    const files = { [login]: "ghcr.io:u:CANARY" };
    expect(await finding("ca.key (mode 644)", environment, files)).toMatchObject({
      mark: "wrong",
      mend: `chmod 600 ${key}`,
    });
    expect(await finding("logins (mode 644)", environment, files)).toMatchObject({
      mark: "mind",
      mend: `chmod 600 ${login}`,
    });
  });
});

describe("what doctor finds of certificates", () => {
  const tls = { TLS_PORT: "39472", OFFLINE: "true" };

  it("one of a folder that is nearly over", async () => {
    const folder = await dataFolder();
    const notAfter = new Date(Date.now() + 5.5 * day);
    const { cert, key } = makeAuthority().issue(["hub.example.com"], { notAfter });
    await writeFile(join(folder, "cert.pem"), cert);
    await writeFile(join(folder, "key.pem"), key);
    const environment = { DATA_DIR: join(folder, "data"), TLS_CERT: folder, ...tls };
    expect(await finding("for hub.example.com", environment)).toEqual({
      mark: "mind",
      what: "the certificate for hub.example.com is good for 5 days",
      mend: "renew it; files are read again within a minute",
    });
  });

  it("one that was never ordered, one that was not renewed, and who has the port for that", async () => {
    const folder = await dataFolder();
    await mkdir(join(folder, "acme"));
    const notAfter = new Date(Date.now() - 2.5 * day);
    const { cert } = makeAuthority().issue(["old.example.com"], { notAfter });
    await writeFile(join(folder, "acme", "certificate-old.example.com.pem"), `# from x\n${cert}`);
    const taken = createServer();
    await new Promise<void>((done) => taken.listen(0, "127.0.0.1", done));
    onTestFinished(() => void taken.close());
    const { port } = taken.address() as AddressInfo;
    const environment = {
      ...{ ...tls, DATA_DIR: folder, ACME_DOMAINS: "old.example.com new.example.com" },
      ...{ HOST: "127.0.0.1", ACME_HTTP_PORT: String(port) },
    };
    expect(await finding("new.example.com yet", environment)).toMatchObject({
      mend: expect.stringMatching(/^a start orders it; \/readyz and the log/),
    });
    expect(await finding("old.example.com ended 3 days ago", environment)).toMatchObject({
      mark: "wrong",
    });
    expect(await finding(`127.0.0.1:${port} is taken by`, environment)).toMatchObject({
      mend: "stop that, or write another ACME_HTTP_PORT",
    });
  });

  it("a CA of clients that ends soon", async () => {
    const folder = await dataFolder();
    const path = join(folder, "clients.pem");
    const notAfter = new Date(Date.now() + 9.5 * day);
    await writeFile(path, makeAuthority().issue(["x"], { notAfter }).cert);
    const environment = { DATA_DIR: join(folder, "data"), TLS_CLIENT_CA: path, ...tls };
    expect((await finding("TLS_CLIENT_CA is good", environment)).what).toBe(
      "TLS_CLIENT_CA is good for 9 days",
    );
  });
});

/** A registry at a name of its own; `ca` is what trusts it. */
async function registry(
  names: readonly string[],
  answer: RequestListener,
  at = "127.0.0.1",
  on = 0,
) {
  const authority = makeAuthority();
  const folder = await dataFolder();
  const ca = join(folder, "ca.pem");
  await writeFile(ca, authority.ca);
  const server = createTlsServer(authority.issue(names), answer);
  await new Promise<void>((done) => server.listen(on, at, done));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const settings = {
    ...{ DATA_DIR: join(folder, "data"), UPSTREAM_ALLOW_ADDRESSES: "127.0.0.0/8" },
    UPSTREAM_CA: ca,
  };
  return { name: `${names[0]}:${port}`, port, settings };
}

describe("what doctor finds of registries", () => {
  it("a token in the place of a password that ends today", async () => {
    const claims = { exp: Math.floor((Date.now() + 10.5 * 3_600_000) / 1_000) };
    const middle = Buffer.from(JSON.stringify(claims)).toString("base64url");
    const { name, settings } = await registry(["reg.test"], (request, response) => {
      const isGood = request.headers.authorization?.startsWith("Basic ") === true;
      response.writeHead(isGood ? 200 : 401, { "www-authenticate": 'Basic realm="x"' }).end();
    });
    const AUTH_REGISTRIES = `${name}:u:CANARY.${middle}.x`;
    expect(await finding("is good for", { ...settings, AUTH_REGISTRIES })).toEqual({
      mark: "mind",
      what: `the login of ${name} is good for 10 h`,
      mend: "a credential helper in DOCKER_CONFIG gets new ones by itself; or write a new one",
    });
  });

  it.skipIf(!isRoot)("that few pulls are left at Docker Hub, without a pull", async () => {
    const asked: string[] = [];
    const hub = ["registry-1.docker.io", "auth.docker.io", "docker.io", "index.docker.io"];
    const { settings } = await registry(
      hub,
      (request, response) => {
        asked.push(`${request.method} ${request.url?.split("?", 1)[0]}`);
        if (request.url?.startsWith("/token") === true) return response.end('{"token":"t"}');
        const realm = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"';
        const isIn = request.headers.authorization !== undefined;
        const budget = { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "3;w=21600" };
        return response.writeHead(isIn ? 200 : 401, { ...budget, "www-authenticate": realm }).end();
      },
      "127.0.0.9",
      443,
    );
    expect(await finding("pulls are left", settings)).toEqual({
      mark: "mind",
      what: "3 of 100 pulls are left at Docker Hub",
      mend: "log in there: AUTH_REGISTRIES=auth.docker.io:user:token",
    });
    expect(asked.filter((one) => one.includes("/manifests/"))).toEqual(
      asked.flatMap((one) => (one.startsWith("HEAD") ? [one] : [])),
    );
  });
});

describe("what doctor finds of the server that runs", () => {
  it("that it is older than the command", async () => {
    const folder = await dataFolder();
    const older = { version: "0.0.9", commit: "unknown", node: "24.7.0" };
    const server = createHttpServer((request, response) => {
      const isKnown = request.url === "/api/v1/status";
      response.writeHead(isKnown ? 200 : 404).end(JSON.stringify(isKnown ? older : { error: "?" }));
    });
    await new Promise<void>((done) => server.listen(join(folder, "control.sock"), done));
    onTestFinished(() => void server.close());
    expect(await finding("the server that runs", { DATA_DIR: folder, OFFLINE: "true" })).toEqual({
      mark: "mind",
      what: expect.stringMatching(
        /^the server that runs is 0\.0\.9, and this command 0\.1\.0(?: \([0-9a-f]{7}\))?$/,
      ),
      mend: "start it anew (systemctl restart entrepot)",
    });
  });

  it("registries that went through it untouched, and no other host", async () => {
    const scene = await Scene.open();
    const { port, name } = await registry(["past.test"], (_request, response) => {
      response.writeHead(401, { "docker-distribution-api-version": "registry/2.0" }).end();
    });
    const site = await registry(["site.test"], (_request, response) => response.end("<html>"));
    for (const host of ["past.test", "site.test"]) scene.names.set(host, ["127.0.0.1"]);
    const program = await scene.start({
      ...{ INTERCEPT: "named", TUNNEL_PORTS: `${port} ${site.port}` },
      ADMIN_PORT: String(await freePort()),
    });
    for (const host of [name, name, site.name]) {
      const { socket, status } = await tunnel(program, host);
      expect(status).toBe(200);
      socket.destroy();
    }
    const settings = {
      ...{ DATA_DIR: program.dataDir, UPSTREAM_ALLOW_ADDRESSES: "127.0.0.0/8" },
      ...{ REGISTRIES: "http://own.test:5000", INTERCEPT: "named" },
    };
    const found = (await findings(settings)).filter(({ what }) => what.includes("went through"));
    expect(found).toEqual([
      {
        mark: "mind",
        what: `${name} is a registry, and clients went through to it 2 times: nothing of it is kept`,
        mend: `REGISTRIES="http://own.test:5000 ${name}"`,
      },
    ]);
  });
});
