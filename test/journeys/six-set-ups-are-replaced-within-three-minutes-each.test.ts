/** From the files of each set-up that is replaced to a pull from disk, by what its guide says and with its clients. */
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { makeAuthority } from "../support/certificates.ts";
import { freePort } from "../support/free-port.ts";
import { type Entrepot, runEntrepot } from "./support/entrepot.ts";
import { Guide } from "./support/guide.ts";
import { Journey } from "./support/journey.ts";
import { canBoot, type Machine } from "./support/machine.ts";
import type { Environment } from "./support/program.ts";
import { account, guideHosts } from "./support/upstream/look-alikes.ts";
import { playPrivateRegistry } from "./support/upstream/private-registry.ts";

const forget = `docker images --quiet | sort -u | xargs --no-run-if-empty docker rmi --force
  podman rmi --all --force
  ctr images ls --quiet | xargs --no-run-if-empty ctr images rm --sync`;
const names = ["hub.example.com", "ghcr.example.com", "quay.example.com"] as const;
const squid = "registry-cache.corp.example";
const threeMinutes = 180_000;

describe.skipIf(!canBoot())("from a set-up that is replaced to a pull from disk", () => {
  let journey: Journey;
  let machine: Machine;
  let certificates: string;
  let olderCa: string;
  let UPSTREAM_CA: string;
  let began: number;
  let running: Entrepot | undefined;

  beforeAll(async () => {
    journey = await Journey.begin();
    UPSTREAM_CA = await playPrivateRegistry(journey, {
      host: "registry.corp.example",
      images: "registry.corp.example",
      login: "bob:CANARY-right",
    });
    const authority = makeAuthority("Company authority");
    certificates = join(journey.folder, "certificates");
    await mkdir(certificates);
    const { cert, key } = authority.issue([...names, squid]);
    await writeFile(join(certificates, "cert.pem"), cert);
    await writeFile(join(certificates, "key.pem"), key);
    olderCa = makeOlderCa(journey.folder);
    machine = await journey.machine({
      // As it is now: names that are played elsewhere come and go.
      "/etc/hosts": await readFile("/etc/hosts", "utf8"),
      "/usr/local/share/ca-certificates/company.crt": authority.ca,
      "/usr/local/share/ca-certificates/docker_registry_proxy.crt": await readFile(olderCa, "utf8"),
    });
    await machine.must("systemctl start docker containerd");
  });
  afterAll(() => journey?.end());
  // The next one listens where this one does.
  afterEach(async () => void (await running?.stop()));

  /** Does what the guide says with the old file, as its reader; the server that it makes runs then. */
  async function migrate(guide: Guide, file: string, env: Environment): Promise<void> {
    began = performance.now();
    const folder = await mkdtemp(join(journey.folder, guide.name));
    const [init = "", serve = ""] = guide.take("entrepot serve").split("\n");
    const login = [account.user, account.password.replaceAll("$", "$$$$")] as const;
    const content = guide
      .file(file)
      .replaceAll(/=robot$/gm, `=${login[0]}`)
      .replaceAll(/=token$/gm, `='${login[1]}'`);
    await writeFile(join(folder, file), content);
    const done = await runEntrepot(
      folder,
      { ...journey.settings, UPSTREAM_CA },
      init.split(" ").slice(1),
    );
    expect(done.code, done.output).toBe(0);
    const CONFIG_FILE = join(folder, serve.split(" ").at(-1) ?? "");
    await useOwnCertificates(CONFIG_FILE);
    await start({ UPSTREAM_CA, CONFIG_FILE, ...env });
  }

  async function start(env: Environment): Promise<Entrepot> {
    running = await journey.entrepot(env, journey.unusedName());
    return running;
  }

  /** In place of those of an ACME service, which have a journey of their own. */
  async function useOwnCertificates(path: string): Promise<void> {
    const written = await readFile(path, "utf8");
    const without = written
      .replace(/^acme_\w+:.*\n(?:[ -].*\n)*/gm, "")
      .replace(/^tls_(?:cert|key):.*\n/gm, "");
    const tls = written.includes("tls_port:") ? `tls_cert: ${certificates}\n` : "";
    await writeFile(path, without + tls);
  }

  /** Twice, as the guide has it: the second time from disk alone. */
  async function pullsFromDisk(pulls: string): Promise<void> {
    const { ledger } = journey.upstream;
    for (const pull of pulls.split("\n")) {
      await machine.must(`${pull}\n${forget}`);
      ledger.clear();
      await machine.must(`${pull}\n${forget}`);
      expect(ledger.contentGets(), pull).toEqual([]);
    }
    expect(performance.now() - began).toBeLessThan(threeMinutes);
  }

  it("docker-registry-cache, with docker", async () => {
    const guide = await Guide.open("from-docker-registry-cache.md");
    await migrate(guide, "compose.yaml", { HOST: "127.0.0.1", PORT: "5000" });
    await pullsFromDisk(guide.take("docker pull"));
    expect(guide.left()).toEqual([]);
  });

  it("one registry:2 per upstream behind Traefik, with docker", async () => {
    const guide = await Guide.open("from-registry-2-behind-traefik.md");
    const at = { HOST: guideHosts["hub.example.com"], PORT: String(await freePort()) };
    await migrate(guide, ".env", at);
    await pullsFromDisk(guide.take("docker pull"));
    await pullsFromDisk("docker pull hub.example.com/acme/private:1");
    expect(guide.left()).toEqual([]);
  });

  it("registry caches with prompts, with docker's mirrors and containerd's hosts", async () => {
    await machine.must(`echo '{"registry-mirrors": ["https://hub.example.com"]}' >/etc/docker/daemon.json
      systemctl reload docker
      mkdir -p /etc/containerd/certs.d/ghcr.io
      cat >/etc/containerd/certs.d/ghcr.io/hosts.toml <<'END'
[host."https://ghcr.example.com"]
  capabilities = ["pull", "resolve"]
END`);
    const guide = await Guide.open("from-registry-caches.md");
    const at = { HOST: guideHosts["hub.example.com"], PORT: String(await freePort()) };
    await migrate(guide, ".env", at);
    await pullsFromDisk(guide.take("docker pull"));
    expect(guide.left()).toEqual([]);
  });

  it("Squid, with docker and a login of its own", async () => {
    const guide = await Guide.open("from-squid.md");
    const at = { HOST: guideHosts[squid], PORT: String(await freePort()) };
    await migrate(guide, "squid.conf", at);
    const [login = "", pull = ""] = guide.take("docker login").split("\n");
    expect((await machine.run(pull)).code).not.toBe(0);
    await machine.type(login, ["bob", "CANARY-wrong"]);
    expect((await machine.run(pull)).code).not.toBe(0);
    const right = await machine.type(login, ["bob", "CANARY-right"]);
    expect(right.output).toContain("Login Succeeded");
    await pullsFromDisk(pull);
    expect(guide.left()).toEqual([]);
  });

  it.each([
    { asks: "a token service at its own name", name: "ghcr.example.com", image: "owner/app:1" },
    { asks: "a token service on another host", name: "hub.example.com", image: "acme/private:1" },
    { asks: "identity tokens", name: "quay.example.com", image: "acme/thing:1" },
  ])("MIRROR_LOGIN before a registry with $asks", async ({ name, image, asks }) => {
    const entrepot = await start({
      HOST: guideHosts["hub.example.com"],
      PORT: String(await freePort()),
      MIRROR_HOSTS: "hub.example.com=docker.io ghcr.example.com=ghcr.io quay.example.com=quay.io",
      ...{ MIRROR_LOGIN: name, TLS_PORT: "443", TLS_CERT: certificates, ALLOW_PUSH: "false" },
    });
    began = performance.now();
    const login = `docker login ${name}`;
    const wrong = await machine.type(login, [account.user, "CANARY-wrong"]);
    expect(wrong.output).not.toContain("Login Succeeded");
    const right = await machine.type(login, [account.user, account.password]);
    expect(right.output).toContain("Login Succeeded");
    const { stdout } = await machine.must("cat ~/.docker/config.json");
    expect(stdout.includes("identitytoken")).toBe(asks === "identity tokens");
    await pullsFromDisk(`docker pull ${name}/${image}`);
    await machine.must(`docker logout ${name}`);
    expect(entrepot.lines.filter((line) => line.includes("CANARY"))).toEqual([]);
  });

  it("Nexus, with podman", async () => {
    const guide = await Guide.open("from-nexus.md");
    began = performance.now();
    const settings = guide.settings("MIRROR_DEFAULT=");
    const AUTH_REGISTRIES = `auth.docker.io:${account.user}:${account.password}`;
    const HOST = guideHosts["mirror.example.com"];
    await start({ ...settings, AUTH_REGISTRIES, HOST });
    await pullsFromDisk(guide.take("podman pull"));
    expect(guide.left()).toEqual([]);
  });

  it("docker-registry-proxy, with its drop-in and its CA on the client", async () => {
    await machine.must(`rm -f /etc/docker/daemon.json
      mkdir -p /etc/systemd/system/docker.service.d
      cat >/etc/systemd/system/docker.service.d/http-proxy.conf <<'END'
[Service]
Environment="HTTP_PROXY=http://mirror.example.com:3128/"
Environment="HTTPS_PROXY=http://mirror.example.com:3128/"
END
      systemctl daemon-reload; systemctl restart docker`);
    began = performance.now();
    const folder = await mkdtemp(join(journey.folder, "docker-registry-proxy"));
    const old = `REGISTRIES=quay.io ghcr.io\nAUTH_REGISTRIES=auth.docker.io:${account.user}:${account.password}\nENABLE_MANIFEST_CACHE=true\n`;
    await writeFile(join(folder, "proxy.env"), old);
    const asked = { ...journey.settings, UPSTREAM_CA };
    const init = ["init", "--from", "proxy.env", "--output", "proxy.yaml", "--yes"];
    const done = await runEntrepot(folder, asked, init);
    expect(done.code, done.output).toBe(0);
    const entrepot = await journey.entrepotOfGuides({
      CONFIG_FILE: join(folder, "proxy.yaml"),
      CA_CERT: olderCa,
      CA_KEY: join(journey.folder, "older.key"),
    });
    await pullsFromDisk("docker pull quay.io/acme/thing:1\ndocker pull acme/private:1");
    expect(entrepot.lines.filter((line) => line.includes("CANARY"))).toEqual([]);
  });
});

/** As docker-registry-proxy makes it for itself; gives the certificate's file, beside which is `older.key`. */
function makeOlderCa(folder: string): string {
  const [certificate, key] = [join(folder, "older.crt"), join(folder, "older.key")];
  const subject = ["-subj", "/O=ME/CN=DockerMirrorBox CA Root"];
  const made = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1300", "-keyout", key];
  execFileSync("openssl", ["req", ...made, ...subject, "-out", certificate], { stdio: "pipe" });
  return certificate;
}
