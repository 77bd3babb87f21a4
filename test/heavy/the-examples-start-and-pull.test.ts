import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { homedir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import type { CommandedClient } from "../journeys/support/clients/client.ts";
import { startDocker } from "../journeys/support/clients/docker.ts";
import { hasProgram, Journey } from "../journeys/support/journey.ts";
import { run, runWell, Service } from "../journeys/support/program.ts";
import { account } from "../journeys/support/upstream/look-alikes.ts";
import { makeCertificate } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";

const root = join(import.meta.dirname, "../..");
const examples = join(root, "examples");
/** Of these journeys alone: every folder listens on the same ports. */
const address = "127.0.84.1";

type Door = { readonly port: number; readonly host: string; readonly isTls: boolean };

async function ask(door: Door, path: string, accept = "*/*"): Promise<[IncomingMessage, Buffer]> {
  const headers = { host: door.host, accept };
  const at = { host: address, port: door.port, path, headers, agent: false };
  const asked = door.isTls
    ? httpsRequest({ ...at, servername: door.host, rejectUnauthorized: false })
    : httpRequest(at);
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    asked.once("response", resolve).once("error", reject).end();
  });
  return [answer, await buffer(answer)];
}

const manifestTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/** The image's index, a manifest of it, its configuration and its layers, as an engine asks for them. */
async function pull(door: Door, repository: string): Promise<void> {
  const index = await manifest(door, `/v2/${repository}/manifests/1`);
  const [first] = index.manifests ?? [];
  const { config, layers = [] } =
    first === undefined
      ? index
      : await manifest(door, `/v2/${repository}/manifests/${first.digest}`);
  for (const { digest, size } of [config ?? [], layers].flat()) {
    const [blob, bytes] = await ask(door, `/v2/${repository}/blobs/${digest}`);
    expect([blob.statusCode, bytes.length]).toEqual([200, size]);
  }
}

type Part = { readonly digest: string; readonly size: number };
type Manifest = { readonly manifests?: Part[]; readonly config?: Part; readonly layers?: Part[] };

async function manifest(door: Door, path: string): Promise<Manifest> {
  const [answer, body] = await ask(door, path, manifestTypes);
  expect([answer.statusCode, answer.statusCode === 200 ? "" : body.toString()]).toEqual([200, ""]);
  return JSON.parse(body.toString());
}

type Example = {
  /** What the old set-up's folder brings along, by name. */
  readonly files: Readonly<Record<string, string>>;
  readonly door: Door;
  readonly repository: string;
  readonly environment?: Readonly<Record<string, string>>;
};

const plain = { port: 3128, host: "docker-registry.local:3128", isTls: false };
const overTls = (host: string): Door => ({ port: 8443, host, isTls: true });
const { cert, key } = makeCertificate(["registry-cache.example.com"]);

const folders: Readonly<Record<string, Example>> = {
  "docker-registry-proxy": {
    files: {
      "old.env": `REGISTRIES=quay.io ghcr.io\nAUTH_REGISTRIES=auth.docker.io:${account.user}:${account.password}\nENABLE_MANIFEST_CACHE=true\n`,
    },
    door: { ...plain, host: address },
    repository: "ghcr.io/acme/tool",
  },
  "path-prefix": {
    files: {
      "old.env":
        'CONFIG=[{"registry":"docker.io"},{"registry":"ghcr.io","externalUri":"https://ghcr.io","healthcheck":{"path":"/"}}]\n',
    },
    door: { ...plain, host: address },
    repository: "ghcr.io/acme/tool",
  },
  squid: {
    files: {
      "squid.conf": `https_port 443 accel defaultsite=ghcr.io cert=/etc/ssl/private/cert.pem key=/etc/ssl/private/key.pem
cache_peer ghcr.io parent 443 0 no-query originserver ssl sslflags=DONT_VERIFY_PEER name=registry
cache_dir ufs /var/spool/squid 20000 16 256
maximum_object_size 8 GB
`,
      "private/cert.pem": cert,
      "private/key.pem": key,
    },
    door: overTls("registry-cache.example.com"),
    repository: "acme/tool",
  },
  traefik: {
    files: {
      ".env": `COMPOSE_FILE=docker-compose.yml:docker-compose-traefik-acme-http.yml
CACHE_DOMAIN=hub.example.com
UPSTREAM_REGISTRY=https://registry-1.docker.io
USERNAME=${account.user}
PASSWORD=${account.password}
CACHE_DOMAIN2=ghcr.example.com
UPSTREAM_REGISTRY2=https://ghcr.io
TRAEFIK_ACME_EMAIL=a@example.com
MTU=1450
`,
    },
    door: overTls("ghcr.example.com"),
    repository: "acme/tool",
    environment: { ACME_DIRECTORY: "https://acme.invalid/directory" },
  },
  "registry-caches": {
    files: {
      ".env": `REGISTRY_PROXY_GHCR_TRAEFIK_HOST=ghcr.example.com
REGISTRY_PROXY_DOCKERHUB_TRAEFIK_HOST=hub.example.com
REGISTRY_PROXY_DOCKERHUB_USERNAME=${account.user}
REGISTRY_PROXY_DOCKERHUB_PASSWORD=${account.password}
ACME_DIRECTORY=https://acme.invalid/directory
`,
    },
    door: overTls("ghcr.example.com"),
    repository: "acme/tool",
  },
  "behind-nginx": {
    files: {
      ".env": "PUBLIC_URL=https://mirror.example.com\nMIRROR_HOSTS=mirror.example.com=ghcr.io\n",
    },
    door: { ...plain, host: "mirror.example.com" },
    repository: "acme/tool",
  },
};

/**
 * Debian's, and `docker compose` by itself, where somebody has built it into the journeys' tools:
 * github.com/docker/compose/v2/cmd at v2.40.3, as docker-compose-2.
 */
const composes = ["docker-compose", "docker-compose-2"];

/** The journeys' tools are in no path yet while tests are gathered. */
function isHere(program: string): boolean {
  const tools = join(homedir(), ".cache/entrepot-journeys");
  return hasProgram(program) || existsSync(join(tools, program));
}

/** ENTREPOT_IMAGE_ARCHIVE names an image that is made already. */
const archive = process.env.ENTREPOT_IMAGE_ARCHIVE;

it("has a journey for each folder", async () => {
  const all = await readdir(examples);
  expect(all.filter((name) => name !== "grafana").sort()).toEqual(Object.keys(folders).sort());
});

describe.skipIf(!hasProgram("mmdebstrap"))("examples", () => {
  let journey: Journey;
  let docker: CommandedClient;
  let socket = "";

  beforeAll(async () => {
    journey = await Journey.begin();
    const client = await journey.client(async (its) => {
      socket = `unix://${join(its.folder, "docker.sock")}`;
      return await startDocker(its);
    }, journey.upstreamCa);
    docker = client;
    const loaded = await docker.command("load", "--input", archive ?? (await made()));
    if (loaded.code !== 0) throw new Error(loaded.output);
    await docker.command("tag", "entrepot:0.1.0", "entrepot:next");
  });
  afterAll(() => journey?.end());

  async function made(): Promise<string> {
    const at = (name: string) => join(journey.folder, name);
    const limits = { limitMs: 1_200_000, cwd: root };
    const steps = [
      ["packaging/bundle.mjs", at("bundle")],
      ["packaging/sea.mjs", at("bundle"), "amd64", at("entrepot")],
      ["packaging/image.mjs", at("entrepot"), "amd64", at("image.tar")],
    ];
    for (const step of steps) await runWell(process.execPath, step, limits);
    return at("image.tar");
  }

  /**
   * The folder with what was there before in it. The played registries are on this machine's loopback, so
   * that here the container has this machine's network, and ports need no publishing.
   */
  async function placed(name: string, { files, environment = {} }: Example): Promise<string> {
    const folder = await mkdtemp(join(journey.folder, "example-"));
    await cp(join(examples, name), folder, { recursive: true });
    for (const [file, text] of Object.entries(files)) {
      await mkdir(join(folder, file, ".."), { recursive: true });
      await writeFile(join(folder, file), text, { mode: 0o600 });
    }
    const path = join(folder, "compose.yaml");
    const compose = parse(await readFile(path, "utf8"));
    const { ports: _ports, ...service } = compose.services.entrepot;
    const here = { ...journey.settings, UPSTREAM_CA: "/upstream-ca.pem", HOST: address };
    compose.services.entrepot = {
      ...service,
      network_mode: "host",
      environment: { ...service.environment, ...here, ADMIN_PORT: "0", ...environment },
      volumes: [...service.volumes, `${journey.upstreamCa}:/upstream-ca.pem:ro`],
    };
    await writeFile(path, stringify(compose));
    return folder;
  }

  describe.each(composes)("by %s", (program) => {
    it.skipIf(!isHere(program)).each(Object.keys(folders))(
      "%s starts, pulls, and is warm after an update",
      async (name) => {
        const example = folders[name];
        if (example === undefined) throw new TypeError(name);
        const folder = await placed(name, example);
        const compose = async (image: string, ...words: readonly string[]) => {
          const env = { DOCKER_HOST: socket, HOME: folder, ENTREPOT_IMAGE: image };
          const done = await run(program, ["-f", "compose.yaml", ...words], { env, cwd: folder });
          if (done.code !== 0) throw new Error(done.output);
          return done.output;
        };
        const ready = async () => {
          const [answer] = await ask({ ...plain, host: address }, "/readyz");
          return answer.statusCode === 200;
        };
        try {
          await compose("entrepot:0.1.0", "up", "-d");
          await eventually(ready, { withinMs: 60_000, everyMs: 200 });
          await pull(example.door, example.repository);
          journey.upstream.ledger.clear();
          await compose("entrepot:next", "up", "-d");
          await eventually(ready, { withinMs: 60_000, everyMs: 200 });
          await pull(example.door, example.repository);
          expect(journey.upstream.ledger.contentGets()).toEqual([]);
        } catch (error) {
          throw new Error(await compose("entrepot:next", "logs").catch(String), { cause: error });
        } finally {
          await compose("entrepot:next", "down", "--volumes");
        }
      },
    );
  });

  it("behind nginx with the server of its folder pulls, and its pages say https", async () => {
    const example = folders["behind-nginx"];
    if (example === undefined) throw new TypeError("behind-nginx");
    const folder = await placed("behind-nginx", example);
    const port = await freePort();
    const its = makeCertificate(["mirror.example.com"]);
    await writeFile(join(folder, "cert.pem"), its.cert);
    await writeFile(join(folder, "key.pem"), its.key);
    const server = (await readFile(join(folder, "nginx.conf"), "utf8"))
      .replace("listen 443", `listen ${address}:${port}`)
      .replaceAll("/etc/nginx", folder)
      .replace("127.0.0.1:3128", `${address}:3128`);
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map((one) => `${one}_temp_path ${folder}/${one};`)
      .join("\n");
    const main = `user root; daemon off; pid ${folder}/nginx.pid; error_log stderr; events {} http { access_log off; ${temporary}\n${server} }`;
    await writeFile(join(folder, "main.conf"), main);
    const env = { DOCKER_HOST: socket, HOME: folder };
    await runWell("docker-compose", ["-f", "compose.yaml", "up", "-d"], { env, cwd: folder });
    const nginx = new Service("nginx", ["-c", join(folder, "main.conf"), "-p", folder]);
    try {
      const door = { port, host: "mirror.example.com", isTls: true };
      await nginx.ready(async () => (await ask(door, "/readyz"))[0].statusCode === 200);
      await pull(door, "acme/tool");
      const [, page] = await ask(door, "/", "text/html");
      expect(page.toString()).toContain("https://mirror.example.com");
    } finally {
      await nginx.stop();
      await runWell("docker-compose", ["-f", "compose.yaml", "down", "-v"], { env, cwd: folder });
    }
  });
});
