/** From the files of each set-up that is replaced to the first pull that is a hit, by the door its clients use. */

import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { beforeEach, describe, expect, it } from "vitest";
import { init } from "../../src/app/commands/init/init.ts";
import { freePort } from "../support/free-port.ts";
import { type Answer, ask, direct, viaProxy } from "./support/client.ts";
import { addImage, type Image } from "./support/image.ts";
import { basic } from "./support/login.ts";
import { type NamedRegistry, type Program, Scene } from "./support/program.ts";

let scene: Scene;
let registry: NamedRegistry;
let image: Image;

beforeEach(async () => {
  scene = await Scene.open();
  registry = await scene.registry("reg.test", {
    auth: () => ({ kind: "basic", users: { alice: "CANARY-a" } }),
  });
  image = addImage(registry.server, "team/app");
});

type Door = Program & { readonly tlsPort: number };
type Pull = (door: Door, path: string) => Promise<Answer>;

/** The last of a first pull may still be on its way to the disk: then the second rides along. */
const notFetchedAgain = /; hit|; collapsed$/;

/** What somebody who has these files types, and then pulls twice. */
async function walk(file: string, content: string, pull: Pull) {
  const folder = join(scene.folder, "old");
  await mkdir(folder);
  await writeFile(join(folder, file), content);
  const output = join(folder, "entrepot.yaml");
  const live = { environment: { OFFLINE: "true" }, lookup: async () => [] };
  const asked = { from: join(folder, file), output, isYes: true, isTerminal: false, live };
  const lines: string[] = [];
  expect(await init({ ...asked, print: (line) => void lines.push(line) })).toBe(0);
  const tlsPort = await freePort();
  const started = await scene.start({
    // Ports that only root may open, and services that are not of this test.
    ...{ CONFIG_FILE: output, TLS_PORT: String(tlsPort), ACME_HTTP_PORT: String(await freePort()) },
    ...(content.includes("TRAEFIK_ACME") || content.includes("_TRAEFIK_HOST")
      ? { ACME_DIRECTORY: "https://acme.invalid/directory" }
      : {}),
  });
  const door = { ...started, tlsPort };
  const path = (what: string) => `/v2/team/app/${what}`;
  for (const round of ["first", "again"]) {
    for (const what of [`manifests/${image.manifest}`, `blobs/${image.layer}`]) {
      const answer = await pull(door, path(what));
      expect([what, round, answer.status]).toEqual([what, round, 200]);
      if (round === "again") expect(answer.headers["cache-status"]).toMatch(notFetchedAgain);
    }
  }
  expect(registry.server.requests.filter(({ url }) => url?.includes("/blobs/"))).toHaveLength(1);
  return lines.join("\n");
}

async function overTls(door: Door, host: string, path: string, headers = {}): Promise<Answer> {
  const trust = { ca: [door.ca, scene.issue("x").ca], servername: host };
  const tls = connectTls({ port: door.tlsPort, host: "127.0.0.1", ...trust });
  await once(tls, "secureConnect");
  return await ask(tls, path, { headers }, host);
}

describe("a stranger's first cached pull, from", () => {
  it("docker-registry-proxy's env file, by the proxy", async () => {
    const said = await walk(
      "proxy.env",
      `REGISTRIES=${registry.name}\nAUTH_REGISTRIES=${registry.name}:alice:CANARY-a\nCACHE_MAX_SIZE=1g\nDEBUG_NGINX=false\n`,
      (door, path) => viaProxy(door, registry.name, path),
    );
    expect(said).toContain("is of docker-registry-proxy.");
  });

  it("one registry for each upstream behind Traefik, by its name", async () => {
    await walk(
      ".env",
      `CACHE_DOMAIN=app.example.com\nUPSTREAM_REGISTRY=https://${registry.name}\nUSERNAME=alice\nPASSWORD=CANARY-a\nCOMPOSE_FILE=docker-compose.yml:docker-compose-acme-http.yml\nTRAEFIK_ACME_EMAIL=a@example.com\n`,
      (door, path) => overTls(door, "app.example.com", path),
    );
  });

  it("the path-prefix cache's compose file, by a prefix", async () => {
    const config = JSON.stringify([
      "docker.io",
      {
        registry: registry.name,
        variables: { REGISTRY_PROXY_USERNAME: "alice", REGISTRY_PROXY_PASSWORD: "CANARY-a" },
      },
    ]);
    await walk(
      "compose.yaml",
      `services:\n  cache:\n    ports: ["5000:5000"]\n    environment:\n      CONFIG: '${config}'\n`,
      (door, path) => direct(door, path.replace("/v2/", `/v2/${registry.name}/`)),
    );
  });

  it("a squid.conf, with the client's own login", async () => {
    const [host = "", port = ""] = registry.name.split(":");
    const { cert, key } = scene.issue("squid.example.com");
    const files = join(scene.folder, "squid");
    await mkdir(files);
    await writeFile(join(files, "c.pem"), cert);
    await writeFile(join(files, "k.pem"), key);
    const login = { authorization: basic(["alice", "CANARY-a"]) };
    await walk(
      "squid.conf",
      `https_port 443 accel cert=${files}/c.pem key=${files}/k.pem\ncache_peer ${host} parent ${port} 0 originserver login=PASSTHRU ssl\ncache_dir ufs /var/spool/squid 1000 16 256\n`,
      (door, path) => overTls(door, "squid.example.com", path, login),
    );
  });

  it("registry caches with prompts, by the name of Codeberg's", async () => {
    // The registries that they know are fixed, so the name stands for another one here.
    const said = await init({
      from: await written("REGISTRY_PROXY_CODEBERG_TRAEFIK_HOST=cb.example.com\n"),
      output: join(scene.folder, "cb.yaml"),
      ...{ isYes: true, isTerminal: false, print: () => undefined },
      live: { environment: {}, lookup: async () => [] },
    });
    expect(said).toBe(0);
    const tlsPort = await freePort();
    const started = await scene.start({
      ...{ CONFIG_FILE: join(scene.folder, "cb.yaml"), TLS_PORT: String(tlsPort) },
      ...{
        MIRROR_HOSTS: `cb.example.com=${registry.name}`,
        ACME_HTTP_PORT: String(await freePort()),
      },
      ACME_DIRECTORY: "https://acme.invalid/directory",
      AUTH_REGISTRIES: `${registry.name}:alice:CANARY-a`,
    });
    const path = `/v2/team/app/blobs/${image.layer}`;
    const door = { ...started, tlsPort };
    expect((await overTls(door, "cb.example.com", path)).status).toBe(200);
    const again = await overTls(door, "cb.example.com", path);
    expect(again.headers["cache-status"]).toMatch(notFetchedAgain);
  });
});

async function written(content: string): Promise<string> {
  const path = join(scene.folder, "caches.env");
  await writeFile(path, content);
  return path;
}
