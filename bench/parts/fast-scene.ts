/**
 * A registry that is faster than any cache: nginx with files over TLS. Before it Entrepot and its peers,
 * all on both cores: docker-registry as a proxy, nginx that keeps whole answers, and nginx that keeps slices.
 */
import { createHash } from "node:crypto";
import { mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { curl, type Transfer } from "./curl.ts";
import { type Running, start } from "./running.ts";
import type { Scene } from "./scene.ts";

export const fastPorts = {
  upstream: 19543,
  entrepot: 13228,
  registry: 15543,
  nginx: 18543,
} as const;
/**
 * Bytes a second of one connection to where the upstream limits each. Sixteen of the quicker ones are more than
 * two cores send and receive over TLS, so that it is not the limit alone that counts.
 */
export const limits = { limited10: 10 * 1024 * 1024, limited20: 20 * 1024 * 1024 };

/** A way to the upstream's blobs: what curl needs beside the path. */
export type Way = (path: string) => readonly string[];

export class FastScene {
  readonly entrepot: Running;
  readonly folder: string;
  readonly #others: readonly Running[];
  readonly #block: Buffer;
  #blob: string | undefined;

  constructor(folder: string, entrepot: Running, others: readonly Running[]) {
    this.folder = folder;
    this.entrepot = entrepot;
    this.#others = others;
    this.#block = Buffer.alloc(1024 * 1024);
    for (let at = 0; at < this.#block.length; at += 4)
      this.#block.writeUInt32LE((at * 2_654_435_761) >>> 0, at);
  }

  get ways(): Readonly<Record<"entrepot" | "direct" | "registry" | "nginx" | "slices", Way>> {
    const to = (port: number) => (path: string) => [
      ...["--cacert", `${this.folder}/ca.crt`],
      `https://127.0.0.1:${port}${path}`,
    ];
    return {
      entrepot: (path) => [
        ...["-x", `http://127.0.0.1:${fastPorts.entrepot}`, "-A", "Go-http-client/1.1"],
        ...["--cacert", `${this.folder}/fast-data/ca/ca.crt`],
        `https://127.0.0.1:${fastPorts.upstream}${path}`,
      ],
      direct: to(fastPorts.upstream),
      registry: to(fastPorts.registry),
      nginx: to(fastPorts.nginx),
      slices: (path) => to(fastPorts.nginx)(`/slices${path}`),
    };
  }

  /** A blob that nobody has fetched yet, in place of the one before; resolves with its digest. */
  async blob(size: number): Promise<string> {
    if (this.#blob !== undefined) await rm(this.#blob, { force: true });
    this.#block.writeDoubleLE(Math.random(), 0);
    const hash = createHash("sha256");
    const path = `${this.folder}/fast/new`;
    const file = await open(path, "w");
    for (let at = 0; at < size; at += this.#block.length) {
      const piece = this.#block.subarray(0, size - at);
      hash.update(piece);
      await file.write(piece);
    }
    await file.close();
    const hex = hash.digest("hex");
    this.#blob = `${this.folder}/fast/${hex}`;
    await writeFile(this.#blob, await readFile(path));
    return `sha256:${hex}`;
  }

  /** A manifest at the upstream; resolves with its digest and length. */
  async manifest(): Promise<{ readonly digest: string; readonly bytes: number }> {
    const part = { digest: `sha256:${"a".repeat(64)}`, size: 1 };
    const text = JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: { mediaType: "application/vnd.oci.image.config.v1+json", ...part },
      layers: [],
    });
    const hex = createHash("sha256").update(text).digest("hex");
    await writeFile(`${this.folder}/fast/${hex}`, text);
    return { digest: `sha256:${hex}`, bytes: text.length };
  }

  /** The authority of Entrepot's clients. */
  authority(): Promise<string> {
    return readFile(`${this.folder}/fast-data/ca/ca.crt`, "utf8");
  }

  /** One transfer on any core. */
  transfer(way: Way, path: string, range?: string): Promise<Transfer> {
    return curl([...(range === undefined ? [] : ["-r", range]), ...way(path)], "0,1");
  }

  /** Bytes of bodies that the upstream has sent since the last call. */
  async sent(): Promise<number> {
    const log = `${this.folder}/fast.log`;
    const lines = (await readFile(log, "utf8")).split("\n");
    await writeFile(log, "");
    return lines.reduce((sum, line) => sum + Number(line || 0), 0);
  }

  async close(): Promise<void> {
    await Promise.all([this.entrepot, ...this.#others].map((each) => each.stop()));
  }
}

export async function openFastScene(scene: Scene): Promise<FastScene> {
  const { folder } = scene;
  await mkdir(`${folder}/fast`, { recursive: true });
  await writeFile(`${folder}/fast.conf`, upstreamConfig(folder));
  await writeFile(`${folder}/fast-cache.conf`, cacheConfig(folder));
  await writeFile(`${folder}/fast-registry.yml`, registryConfig(folder));
  const core = "0,1";
  const nginx = (name: string, port: number): Promise<Running> =>
    start({
      ...{ command: "nginx", args: ["-c", `${folder}/${name}.conf`], core, port },
      log: `${folder}/${name}-out.log`,
    });
  const upstream = await nginx("fast", fastPorts.upstream);
  const cache = await nginx("fast-cache", fastPorts.nginx);
  const registry = await start({
    ...{ command: "docker-registry", args: ["serve", `${folder}/fast-registry.yml`], core },
    env: { SSL_CERT_FILE: `${folder}/ca.crt`, OTEL_TRACES_EXPORTER: "none" },
    ...{ port: fastPorts.registry, log: `${folder}/fast-registry.log` },
  });
  const entrepot = await start({
    command: process.execPath,
    args: [
      "--max-semi-space-size=8",
      "--v8-pool-size=1",
      fileURLToPath(new URL("../../dist/app/main.js", import.meta.url)),
    ],
    env: {
      ...{ HOST: "127.0.0.1", PORT: String(fastPorts.entrepot), ADMIN_PORT: "0" },
      ...{ DATA_DIR: `${folder}/fast-data`, REGISTRIES: `127.0.0.1:${fastPorts.upstream}` },
      ...{ UPSTREAM_CA: `${folder}/ca.crt`, UPSTREAM_ALLOW_ADDRESSES: "127.0.0.0/8" },
    },
    ...{ core, port: fastPorts.entrepot, log: `${folder}/fast-entrepot.log` },
  });
  return new FastScene(folder, entrepot, [upstream, cache, registry]);
}

function nginxConfig(folder: string, name: string, http: string): string {
  const user = process.getuid?.() === 0 ? "user root; " : "";
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${folder}/${name}-${kind};`,
  );
  return `${user}daemon off; worker_processes 1; pid ${folder}/${name}.pid; error_log ${folder}/${name}.err;
events { worker_connections 1024; }
http { sendfile on; tcp_nopush on; ${temp.join(" ")}
 ssl_certificate ${folder}/leaf.crt; ssl_certificate_key ${folder}/leaf.key; ssl_protocols TLSv1.3;
 ${http} }
`;
}

function upstreamConfig(folder: string): string {
  const blobs = "blobs/sha256:([0-9a-f]+)$";
  const file = `default_type application/octet-stream; alias ${folder}/fast/$1;`;
  return nginxConfig(
    folder,
    "fast",
    `log_format sent $body_bytes_sent; access_log ${folder}/fast.log sent;
 server { listen 127.0.0.1:${fastPorts.upstream} ssl;
  location = /v2/ { default_type application/json; add_header Docker-Distribution-Api-Version registry/2.0; return 200 "{}"; }
  ${Object.entries(limits)
    .map(([name, rate]) => `location ~ "^/v2/${name}/.*${blobs}" { limit_rate ${rate}; ${file} }`)
    .join("\n  ")}
  location ~ "^/v2/.*${blobs}" { ${file} }
  location ~ "^/v2/.*manifests/sha256:([0-9a-f]+)$" { default_type application/vnd.oci.image.manifest.v1+json; alias ${folder}/fast/$1; } }`,
  );
}

function cacheConfig(folder: string): string {
  const whole = `proxy_cache whole; proxy_cache_valid 200 1h; proxy_cache_lock on;`;
  const slices = `slice 16m; proxy_cache slices; proxy_cache_key $uri$slice_range; proxy_cache_valid 200 206 1h;
   proxy_set_header Range $slice_range; proxy_cache_lock on; rewrite ^/slices(/.*)$ $1 break;`;
  const there = `proxy_ssl_protocols TLSv1.3; proxy_pass https://fast; proxy_http_version 1.1; proxy_set_header Connection "";`;
  return nginxConfig(
    folder,
    "fast-cache",
    `access_log off; upstream fast { server 127.0.0.1:${fastPorts.upstream}; keepalive 32; }
 proxy_cache_path ${folder}/fast-whole keys_zone=whole:8m max_size=20g;
 proxy_cache_path ${folder}/fast-slices keys_zone=slices:8m max_size=20g;
 server { listen 127.0.0.1:${fastPorts.nginx} ssl;
  location /slices/ { ${slices} ${there} }
  location / { ${whole} ${there} } }`,
  );
}

function registryConfig(folder: string): string {
  return `version: 0.1
log:
  level: error
  accesslog:
    disabled: true
storage:
  filesystem:
    rootdirectory: ${folder}/fast-registry
http:
  addr: 127.0.0.1:${fastPorts.registry}
  tls:
    certificate: ${folder}/leaf.crt
    key: ${folder}/leaf.key
proxy:
  remoteurl: https://127.0.0.1:${fastPorts.upstream}
`;
}
