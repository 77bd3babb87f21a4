import { existsSync, mkdirSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import type { CommandedClient } from "../journeys/support/clients/client.ts";
import { startDocker } from "../journeys/support/clients/docker.ts";
import { hasProgram, Journey } from "../journeys/support/journey.ts";
import { type Environment, run, runWell, Service } from "../journeys/support/program.ts";
import { account } from "../journeys/support/upstream/look-alikes.ts";
import { makeCertificate } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { hasVersity } from "../support/versity.ts";
import { address, ask, type Door, pull } from "./support/plain-pull.ts";

const root = join(import.meta.dirname, "../..");
const examples = join(root, "examples");
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

const oldBucket = {
  REGISTRY_STORAGE_S3_BUCKET: "registry",
  // Where MinIO takes any word, others want their own.
  REGISTRY_STORAGE_S3_REGION: "us-east-1",
  // On this machine's network no service has a name.
  REGISTRY_STORAGE_S3_REGIONENDPOINT: `http://${address}:9000`,
  REGISTRY_STORAGE_S3_ACCESSKEY: "minioadmin",
  REGISTRY_STORAGE_S3_SECRETKEY: "minioadmin",
};

/** As docker-registry-cache tells people to write it. */
function oldStack(more: Readonly<Record<string, string>> = {}): string {
  const config = [{ registry: "registry-1.docker.io", variables: {} }, "ghcr.io"];
  const image = "ghcr.io/lhns/docker-registry-cache:0.1.4";
  const environment = { CONFIG: JSON.stringify(config), ...more };
  const keep = { image, entrypoint: "tail -f /dev/null", deploy: { mode: "global" } };
  const proxy = { image, environment, ports: ["5000:5000"] };
  return stringify({ version: "3.7", services: { proxy, zzz_proxy: keep } });
}

const folders = {
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
  "path-prefix-s3": {
    files: { "old.yaml": oldStack({ REGISTRY_STORAGE: "s3", ...oldBucket }) },
    door: { ...plain, host: address },
    repository: "ghcr.io/acme/tool",
  },
  "behind-a-proxy": {
    files: {
      ".env": "PUBLIC_URL=https://mirror.example.com\nMIRROR_HOSTS=mirror.example.com=ghcr.io\n",
    },
    door: { ...plain, host: "mirror.example.com" },
    repository: "acme/tool",
  },
} satisfies Readonly<Record<string, Example>>;

function exampleOf(name: string): Example {
  const found = Object.entries(folders).find(([one]) => one === name)?.[1];
  if (found === undefined) throw new TypeError(name);
  return found;
}

/**
 * Debian's, and `docker compose` by itself, where somebody has built it into the journeys' tools:
 * github.com/docker/compose/v2/cmd at v2.40.3, as docker-compose-2.
 */
const composes = ["docker-compose", "docker-compose-2"];

const tools = join(homedir(), ".cache/entrepot-journeys");

/** The journeys' tools are in no path yet while tests are gathered. */
function isHere(program: string): boolean {
  return hasProgram(program) || existsSync(join(tools, program));
}

/** ENTREPOT_IMAGE_ARCHIVE names an image that is made already. */
const archive = process.env.ENTREPOT_IMAGE_ARCHIVE;

it("has a journey for each folder", async () => {
  const all = await readdir(examples);
  // What has no compose file is tried by a journey of its own.
  const others = ["dns-01", "grafana"];
  expect(all.sort()).toEqual([...Object.keys(folders), ...others].sort());
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
   * that here containers have this machine's network, and ports need no publishing.
   */
  async function placed(name: string): Promise<string> {
    const { files, environment = {} } = exampleOf(name);
    const folder = await mkdtemp(join(journey.folder, "example-"));
    await cp(join(examples, name), folder, { recursive: true });
    for (const [file, text] of Object.entries(files)) {
      await mkdir(join(folder, file, ".."), { recursive: true });
      await writeFile(join(folder, file), text, { mode: 0o600 });
    }
    await change(join(folder, "compose.yaml"), ({ services }) => {
      moveHere(services.entrepot, environment);
      if (services.s3 !== undefined) standInForMinio(folder, services);
    });
    return folder;
  }

  /** A service, as it reaches the played internet and is reached by these tests. */
  function moveHere(service: ComposeService, environment: Environment = {}): void {
    const here = { ...journey.settings, UPSTREAM_CA: "/upstream-ca.pem", HOST: address };
    const UPSTREAM_ALLOW_ADDRESSES = `127.0.83.0/24 ${address}`;
    service.ports = [];
    service.network_mode = "host";
    service.environment = {
      ...{ ...service.environment, ...here, UPSTREAM_ALLOW_ADDRESSES, ADMIN_PORT: "0" },
      ...environment,
    };
    service.volumes = [...service.volumes, `${journey.upstreamCa}:/upstream-ca.pem:ro`];
  }

  /** MinIO is on no machine of ours: versitygw has its place, with the bucket in its folder. */
  function standInForMinio(folder: string, services: ComposeFile["services"]): void {
    const { s3, bucket } = services;
    const image = "entrepot:0.1.0";
    const isThere = ["/usr/bin/entrepot", "--version"];
    mkdirSync(join(folder, "s3/registry"), { recursive: true });
    Object.assign(s3 ?? {}, {
      ...{ image, network_mode: "host", entrypoint: "/versitygw" },
      command: `--access minioadmin --secret minioadmin --port ${address}:9000 posix /s3`,
      volumes: [`${join(tools, "versitygw")}:/versitygw:ro`, `${folder}/s3:/s3`],
      healthcheck: { test: ["CMD", ...isThere], interval: "1s" },
    });
    Object.assign(bucket ?? {}, { image, network_mode: "host", entrypoint: isThere, command: [] });
  }

  /** One of the folder's own scripts, or docker, or Compose. */
  async function must(folder: string, words: readonly string[], more: Environment = {}) {
    const [program = "", ...args] = words;
    const its = { DOCKER_HOST: socket, HOME: folder, ADDRESS: address };
    const given = { ...its, ENTREPOT_IMAGE: "entrepot:0.1.0", ...more };
    // A variable that is there goes before the same in .env, though it is empty.
    const env = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ""));
    return (await runWell(program, args, { env, cwd: folder, limitMs: 300_000 })).stdout;
  }

  const compose = (...words: readonly string[]) => [
    "docker-compose",
    "-f",
    "compose.yaml",
    ...words,
  ];

  async function isReady(): Promise<void> {
    await eventually(
      async () => (await ask({ ...plain, host: address }, "/readyz"))[0].statusCode === 200,
      { withinMs: 120_000, everyMs: 200 },
    );
  }

  async function pulls(name: string): Promise<void> {
    const { door, repository } = exampleOf(name);
    await pull(door, repository);
  }

  async function pullsWarm(name: string): Promise<void> {
    journey.upstream.ledger.clear();
    await pulls(name);
    // A swarm's engine asks meanwhile whether the image of Entrepot itself has a newer one.
    const isPull = (line: string) => !line.includes("/library/entrepot/");
    expect(journey.upstream.ledger.contentGets().filter(isPull)).toEqual([]);
  }

  describe.each(composes)("by %s", (program) => {
    const file = [program, "-f", "compose.yaml"];
    const all = Object.keys(folders).filter((name) => hasVersity || !name.endsWith("-s3"));
    it.skipIf(!isHere(program)).each(all)(
      "%s starts, pulls, and is warm after an update",
      async (name) => {
        const folder = await placed(name);
        const next = { ENTREPOT_IMAGE: "entrepot:next" };
        try {
          await must(folder, [...file, "up", "-d"]);
          await isReady();
          await pulls(name);
          await must(folder, [...file, "up", "-d"], next);
          await isReady();
          await pullsWarm(name);
        } catch (error) {
          const said = await must(folder, [...file, "logs"], next).catch(String);
          throw new Error(said, { cause: error });
        } finally {
          await must(folder, [...file, "down", "--volumes"], next);
        }
      },
    );

    const published = ["docker-registry-proxy", "registry-caches", "squid", "traefik"];
    it.skipIf(!isHere(program)).each(published)(
      "%s is published nowhere until somebody names the address",
      async (name) => {
        const cwd = join(examples, name);
        const { code, output } = await run(program, ["-f", "compose.yaml", "config"], { cwd });
        expect(code).not.toBe(0);
        expect(output).toContain("the address of this machine that clients reach");
      },
    );
  });

  it.skipIf(!hasVersity)(
    "path-prefix-s3 keeps all in the bucket of the old variables",
    async () => {
      const folder = await placed("path-prefix-s3");
      try {
        await must(folder, compose("up", "-d"));
        await isReady();
        await pulls("path-prefix-s3");
        await eventually(async () => {
          const files = await readdir(join(folder, "s3/registry"), { recursive: true });
          expect(files).toContainEqual(expect.stringMatching(/^entrepot\/.*[0-9a-f]{64}/));
        });
      } finally {
        await must(folder, compose("down", "--volumes"));
      }
    },
  );

  it("traefik starts by start.sh, and is warm after update.sh with the file of a newer image", async () => {
    const folder = await placed("traefik");
    const newer = join(folder, "newer.tar");
    await must(folder, ["docker", "save", "--output", newer, "entrepot:next"]);
    // Nothing but the old .env says which image.
    const env = { ENTREPOT_IMAGE: "" };
    const runs = () => must(folder, ["docker", "ps", "--format={{.Image}}"]);
    try {
      await must(folder, ["./start.sh"], env);
      await isReady();
      await pulls("traefik");
      await must(folder, ["./update.sh", newer], env);
      const written = await readFile(join(folder, ".env"), "utf8");
      expect(written).toMatch(/^ENTREPOT_IMAGE=entrepot:next$/m);
      expect(await runs()).toBe("entrepot:next\n");
      await isReady();
      await pullsWarm("traefik");
      // The next start takes it too.
      await must(folder, ["./start.sh"], env);
      expect(await runs()).toBe("entrepot:next\n");
    } finally {
      await must(folder, compose("down", "--volumes"));
    }
  });

  it("squid starts by run.sh with the two folders it had, and leaves what Squid kept", async () => {
    const folder = await placed("squid");
    await mkdir(join(folder, "cache/cc"), { recursive: true });
    await writeFile(join(folder, "cache/cc/swap.state"), "Squid's");
    const settings = { ...journey.settings, UPSTREAM_CA: "/upstream-ca.pem", HOST: address };
    const variables = Object.entries({ ...settings, ADMIN_PORT: "0" });
    const start = [
      ...["./run.sh", "private", "cache", "--network=host"],
      `--volume=${journey.upstreamCa}:/upstream-ca.pem:ro`,
      ...variables.map(([name, value]) => `--env=${name}=${value}`),
    ];
    const remove = ["docker", "rm", "--force", "registry-cache"];
    try {
      await must(folder, start);
      await isReady();
      await pulls("squid");
      await must(folder, remove);
      await must(folder, start, { ENTREPOT_IMAGE: "entrepot:next" });
      await isReady();
      await pullsWarm("squid");
      expect(await readFile(join(folder, "cache/cc/swap.state"), "utf8")).toBe("Squid's");
    } finally {
      await must(folder, remove);
    }
  });

  it("docker-registry-proxy takes pushes beside it, on 80 and 443 too, lists and deletes them", async () => {
    const folder = await placed("docker-registry-proxy");
    const name = "docker-registry.local";
    try {
      await must(folder, compose("up", "-d"));
      await isReady();
      const [, authority] = await ask({ ...plain, host: address }, "/ca.crt");
      const SSL_CERT_FILE = join(folder, "ca.crt");
      await writeFile(SSL_CERT_FILE, authority);
      const env = { HTTPS_PROXY: `http://${address}:3128`, SSL_CERT_FILE };
      const copy = ["skopeo", "copy", "--insecure-policy", "docker://ghcr.io/acme/tool:1"];
      for (const to of ["foo/bar:v1.2.3.4", "foo/bar:v2", "kept/image:1"])
        await must(folder, [...copy, `docker://${name}/${to}`], env);
      for (const door of [overTls(name), plain]) await pull(door, "kept/image");
      const listed = () => must(folder, ["./list_images.sh"]);
      expect(await listed()).toBe("foo/bar:v1.2.3.4\nfoo/bar:v2\nkept/image:1\n");
      await must(folder, ["./delete_image.sh", "foo/bar:v1.2.3.4"]);
      expect(await listed()).toBe("foo/bar:v2\nkept/image:1\n");
      await must(folder, ["./delete_image.sh", "--all", "foo/bar"]);
      expect(await listed()).toBe("kept/image:1\n");
      expect(await must(folder, ["./delete_image.sh"])).toContain("freed");
      await pull(overTls(name), "kept/image");
    } finally {
      await must(folder, compose("down", "--volumes"));
    }
  });

  it("path-prefix as a stack of a swarm pulls, and a service that sleeps keeps the image", async () => {
    const folder = await placed("path-prefix");
    await writeFile(join(folder, "old.yaml"), oldStack());
    await change(join(folder, "stack.yaml"), (stack) => {
      const { proxy, keep } = stack.services;
      moveHere(proxy);
      // Of this machine's networks a swarm has this one too.
      for (const service of [proxy, keep]) {
        delete service.network_mode;
        service.networks = ["outside"];
      }
      stack.networks = { outside: { external: true, name: "host" } };
    });
    const listen = [`--listen-addr=${address}:2377`, "--advertise-addr=127.0.0.1"];
    await must(folder, ["docker", "swarm", "init", ...listen]);
    const options = ["--resolve-image=never", "-c", "stack.yaml"];
    const deploy = ["docker", "stack", "deploy", ...options, "cache"];
    const runs = async (image: string) =>
      (await must(folder, ["docker", "ps", "--format={{.Image}}"])) === `${image}\n${image}\n`;
    const within = { withinMs: 120_000, everyMs: 500 };
    try {
      await must(folder, deploy);
      await isReady();
      await eventually(() => runs("entrepot:0.1.0"), within);
      await pull({ ...plain, host: address }, "ghcr.io/acme/tool");
      await must(folder, deploy, { ENTREPOT_IMAGE: "entrepot:next" });
      await eventually(() => runs("entrepot:next"), within);
      await isReady();
      await pullsWarm("path-prefix");
    } finally {
      await must(folder, ["docker", "swarm", "leave", "--force"]);
    }
  });

  /** The servers of the folder, each as it stands but for where it listens. */
  const inFront = {
    nginx: async (folder: string, port: number) => {
      const server = (await readFile(join(folder, "nginx.conf"), "utf8"))
        .replace("listen 443", `listen ${address}:${port}`)
        .replaceAll("/etc/nginx", folder)
        .replace("127.0.0.1:3128", `${address}:3128`);
      const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map((one) => `${one}_temp_path ${folder}/${one};`)
        .join("\n");
      const main = `user root; daemon off; pid ${folder}/nginx.pid; error_log stderr; events {} http { access_log off; ${temporary}\n${server} }`;
      await writeFile(join(folder, "main.conf"), main);
      return new Service("nginx", ["-c", join(folder, "main.conf"), "-p", folder]);
    },
    caddy: async (folder: string, port: number) => {
      const site = (await readFile(join(folder, "Caddyfile"), "utf8"))
        .replace("mirror.example.com {", `mirror.example.com:${port} {\n\tbind ${address}`)
        .replaceAll("/etc/caddy", folder)
        .replace("127.0.0.1:3128", `${address}:3128`);
      const options = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n";
      await writeFile(join(folder, "Caddyfile"), options + site);
      const args = ["run", "--adapter", "caddyfile", "--config", join(folder, "Caddyfile")];
      return new Service("caddy", args, { env: { HOME: folder } });
    },
  } as const;

  it.each((["nginx", "caddy"] as const).filter(hasProgram))(
    "behind %s with the file of its folder pulls, and its pages say https",
    async (program) => {
      const folder = await placed("behind-a-proxy");
      const port = await freePort();
      const its = makeCertificate(["mirror.example.com"]);
      await writeFile(join(folder, "cert.pem"), its.cert);
      await writeFile(join(folder, "key.pem"), its.key);
      await must(folder, compose("up", "-d"));
      const server = await inFront[program](folder, port);
      try {
        const door = { port, host: "mirror.example.com", isTls: true };
        await server.ready(async () => (await ask(door, "/readyz"))[0].statusCode === 200);
        await pull(door, "acme/tool");
        const [, page] = await ask(door, "/", "text/html");
        expect(page.toString()).toContain("https://mirror.example.com");
      } finally {
        await server.stop();
        await must(folder, compose("down", "--volumes"));
      }
    },
  );

  it("behind Traefik it has a router for its name and a service on its port", async () => {
    const folder = join(examples, "behind-a-proxy");
    const both = ["-f", "compose.yaml", "-f", "compose.traefik.yaml"];
    const said = parse(await must(folder, ["docker-compose", ...both, "config"]));
    const { labels } = said.services.entrepot;
    expect(labels["traefik.http.routers.entrepot.rule"]).toBe("Host(`mirror.example.com`)");
    expect(labels["traefik.http.services.entrepot.loadbalancer.server.port"]).toBe("3128");
  });
});

/** As much of a compose file as is changed here. */
type ComposeService = {
  environment: Environment;
  volumes: readonly string[];
  ports?: readonly unknown[];
  networks?: readonly string[];
  network_mode?: string;
};
type ComposeFile = {
  readonly services: Readonly<
    Record<"entrepot" | "proxy" | "keep", ComposeService> &
      Partial<Record<"s3" | "bucket", ComposeService>>
  >;
  networks?: object;
};

async function change(path: string, how: (file: ComposeFile) => void): Promise<void> {
  const file: ComposeFile = parse(await readFile(path, "utf8"));
  how(file);
  await writeFile(path, stringify(file));
}
