import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeAuthority } from "../../support/certificates.ts";
import { freePort } from "../../support/free-port.ts";
import type { CommandedClient } from "../support/clients/client.ts";
import { startDocker } from "../support/clients/docker.ts";
import { runEntrepot } from "../support/entrepot.ts";
import { Guide } from "../support/guide.ts";
import { hasProgram, Journey, mustSucceed } from "../support/journey.ts";
import { type Environment, run, Service } from "../support/program.ts";
import { guideHosts } from "../support/upstream/look-alikes.ts";
import { playPrivateRegistry } from "../support/upstream/private-registry.ts";

const streamModule = "/usr/lib/nginx/modules/ngx_stream_module.so";
const isPlayed = ["nginx", "dockerd", "curl"].every(hasProgram) && existsSync(streamModule);
const mirror = "mirror.example.com";
const cache = "registry-cache.corp.example";
/** Played registries have port 443 of their own addresses. */
const listening = [guideHosts[mirror], guideHosts[cache]];
/** Whoever comes from here is let in, and from there not. */
const admitted = "127.0.0.1";
const stranger = "127.0.99.9";

describe.skipIf(!isPlayed)("behind-a-proxy.md", () => {
  let journey: Journey;
  let guide: Guide;
  let docker: CommandedClient;
  let ports: { readonly plain: number; readonly tls: number; readonly site: number };
  let trust = "";
  let registryCa = "";
  beforeAll(async () => {
    guide = await Guide.open("behind-a-proxy.md");
    journey = await Journey.begin();
    registryCa = await playPrivateRegistry(journey, {
      ...{ host: "registry.corp.example", images: "registry.corp.example" },
      login: "bob:CANARY-right",
    });
    ports = { plain: await freePort(), tls: await freePort(), site: await freePort() };
    const authority = makeAuthority("Company authority");
    const { cert, key } = authority.issue([mirror, cache, "www.example.com"]);
    await mkdir(join(journey.folder, "nginx"));
    for (const [name, text] of Object.entries({ "cert.pem": cert, "key.pem": key }))
      await writeFile(join(journey.folder, "nginx", name), text);
    trust = join(journey.folder, "company.pem");
    await writeFile(trust, authority.ca);
    docker = await journey.client(startDocker, trust);
  });
  afterAll(() => journey?.end());

  /** Entrepot with these lines of the guide, on ports that are free. */
  async function entrepot(words: string, more: Environment = {}, name = "entrepot") {
    const shown = Object.entries(guide.settings(words));
    const moved: Environment = { TLS_PORT: String(ports.tls), TLS_CERT: nginxFolder() };
    const here = shown.map(([setting, value]) => [setting, moved[setting] ?? value]);
    const env = { ...Object.fromEntries(here), PORT: String(ports.plain), UPSTREAM_CA: registryCa };
    return { env: { ...env, ...more }, its: await journey.entrepot({ ...env, ...more }, name) };
  }

  const nginxFolder = () => join(journey.folder, "nginx");

  /** nginx with what the guide writes, where it has to listen here, and with the folders it can write to. */
  async function nginx(written: string, http = ""): Promise<Service> {
    const folder = nginxFolder();
    const moved = written
      .replace(/listen 443(.*);/, (_, how) =>
        listening.map((address) => `listen ${address}:443${how};`).join("\n"),
      )
      .replaceAll("/etc/nginx", folder)
      .replaceAll("127.0.0.1:3128", `127.0.0.1:${ports.plain}`)
      .replaceAll("127.0.0.1:8443", `127.0.0.1:${ports.tls}`)
      .replaceAll("127.0.0.1:4443", `127.0.0.1:${ports.site}`)
      .replaceAll("allow 127.0.0.0/8", `allow ${admitted}`);
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map((one) => `${one}_temp_path ${folder}/${one};`)
      .join(" ");
    const isStream = moved.startsWith("stream");
    const main = `load_module ${streamModule};
user root; daemon off; pid ${folder}/nginx.pid; error_log stderr; events {}
${isStream ? moved : ""}
http { access_log off; ${temporary}\n${isStream ? "" : moved}\n${http} }`;
    await writeFile(join(folder, "nginx.conf"), main);
    const service = new Service("nginx", ["-c", join(folder, "nginx.conf"), "-p", folder]);
    journey.atEnd(() => service.stop());
    await service.ready(async () => (await get(`https://${mirror}/readyz`)).startsWith("200 "));
    return service;
  }

  /** The status and what came, asked from that address. */
  async function get(url: string, from = admitted): Promise<string> {
    const how = ["--silent", "--cacert", trust, "--interface", from, "--max-time", "20"];
    const said = ["--output", "-", "--write-out", "\n%{http_code}"];
    const { stdout } = await run("curl", [...how, ...said, url]);
    const lines = stdout.split("\n");
    return `${lines.pop()} ${lines.join("\n")}`;
  }

  async function pullsFromDisk(command: string): Promise<void> {
    const image = command.replace("docker pull ", "");
    mustSucceed(await docker.pull(image));
    await docker.wipe();
    journey.upstream.ledger.clear();
    mustSucceed(await docker.pull(image));
    expect(journey.upstream.ledger.contentGets()).toEqual([]);
    await docker.wipe();
  }

  it("nginx ends TLS: docker pulls, scripts say https, and nginx says who may come", async () => {
    const started = await entrepot("HOST=127.0.0.1\nPUBLIC_URL", {}, "plain");
    const server = await nginx(guide.file("/etc/nginx/conf.d/entrepot.conf"));
    const [pull = "", script = ""] = guide.take("/setup/docker-mirror").split("\n");
    await pullsFromDisk(pull);
    const shown = await get(script.replace("curl ", ""));
    expect(shown).toContain(`https://${mirror}`);
    expect(shown).not.toContain(`http://${mirror}`);
    expect(await get(`https://${mirror}/v2/`, stranger)).toMatch(/^403 [\s\S]*nginx/);
    await server.stop();
    expect(await started.its.stop()).toBe(0);
  });

  it("nginx passes TLS on: clients have their addresses and their logins, other sites are as they were", async () => {
    const ALLOW_CLIENTS =
      guide.settings("TRUSTED_PROXIES=").ALLOW_CLIENTS?.replace("127.0.0.0/8", admitted) ?? "";
    const started = await entrepot("TRUSTED_PROXIES=", { ALLOW_CLIENTS }, "through");
    const server = await nginx(
      guide.file("/etc/nginx/nginx.conf"),
      `server { listen 127.0.0.1:${ports.site} ssl proxy_protocol; server_name www.example.com;
        ssl_certificate cert.pem; ssl_certificate_key key.pem;
        set_real_ip_from 127.0.0.2; real_ip_header proxy_protocol; return 200 "for $remote_addr"; }`,
    );
    const [login = "", pull = ""] = guide.take("docker login").split("\n");
    expect((await docker.pull(pull.replace("docker pull ", ""))).code).not.toBe(0);
    const log = (password: string) =>
      docker.command(...login.split(" ").slice(1), "--username=bob", `--password=${password}`);
    expect((await log("CANARY-wrong")).output).toMatch(/unauthorized|401/i);
    expect((await log("CANARY-right")).output).toContain("Login Succeeded");
    await pullsFromDisk(pull);
    await pullsFromDisk(`docker pull ${mirror}/ghcr.io/acme/tool:1`);

    expect(await get(`https://${mirror}/v2/`, stranger)).toMatch(/^403 (?![\s\S]*nginx)/);
    const site = `www.example.com:443:${guideHosts[mirror]}`;
    const kept = ["--silent", "--cacert", trust, "--interface", stranger, "--resolve", site];
    const { stdout } = await run("curl", [...kept, "https://www.example.com/"]);
    expect(stdout).toBe(`for ${stranger}`);
    const folder = join(journey.folder, "through");
    expect((await runEntrepot(folder, started.env, ["health"])).code).toBe(0);
    expect(started.its.lines.filter((line) => line.includes("CANARY"))).toEqual([]);
    await server.stop();
    expect(await started.its.stop()).toBe(0);
  });

  it("has no other command", () => {
    expect(guide.left()).toEqual([]);
  });
});
