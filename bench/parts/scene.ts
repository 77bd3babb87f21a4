/** Everything the rows measure, started once: upstream, Entrepot, nginx, docker-registry, the bare hello. */
import { execFile } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Running, start } from "./running.ts";

const run = promisify(execFile);
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export const ports = {
  upstream: 19443,
  entrepot: 13128,
  nginx: 18443,
  registry: 15000,
  registryTls: 15443,
  hello: 17443,
  helloConnect: 17128,
  floor: 17444,
  nginxCache: 18444,
} as const;

/** As long as the manifest that the rows ask for. */
export const floorBytes = 398;

export type Made = { readonly manifest: string; readonly blob: string };
export type Ledger = { readonly requests: readonly string[]; readonly bytes: number };

export class Scene {
  readonly folder: string;
  readonly upstream: Running;
  readonly entrepot: Running;
  readonly nginx: Running;
  readonly registry: Running;
  readonly registryTls: Running;
  readonly hello: Running;
  readonly floor: Running;
  readonly readyMs: number;
  readonly #ca: string;
  #index = 1;

  constructor(parts: Readonly<Record<Name, Running>>, folder: string, ca: string, readyMs: number) {
    this.folder = folder;
    this.upstream = parts.upstream;
    this.entrepot = parts.entrepot;
    this.nginx = parts.nginx;
    this.registry = parts.registry;
    this.registryTls = parts.registryTls;
    this.hello = parts.hello;
    this.floor = parts.floor;
    this.#ca = ca;
    this.readyMs = readyMs;
  }

  /** The bench's own authority: trusted by everybody but Entrepot's clients. */
  get ca(): string {
    return this.#ca;
  }

  /** A new image at the upstream that nobody has fetched yet. */
  async image(size: number): Promise<Made & { readonly tag: string }> {
    const index = this.#index++;
    const made = (await this.#ask(`/make?index=${index}&size=${size}`)) as Made;
    return { ...made, tag: `tag-${index}` };
  }

  /** What the upstream saw since the last call. */
  async ledger(): Promise<Ledger> {
    return (await this.#ask("/ledger")) as Ledger;
  }

  async #ask(path: string): Promise<unknown> {
    const url = `https://127.0.0.1:${ports.upstream}${path}`;
    const { stdout } = await run("curl", ["-sS", "--cacert", `${this.folder}/ca.crt`, url], {
      maxBuffer: 64 * 1024 * 1024,
    });
    return JSON.parse(stdout);
  }

  async close(): Promise<void> {
    const all = [
      this.entrepot,
      this.nginx,
      this.registry,
      this.registryTls,
      this.hello,
      this.floor,
    ];
    await Promise.all([...all, this.upstream].map((running) => running.stop()));
    await rm(this.folder, { recursive: true, force: true });
  }
}

type Name = "upstream" | "entrepot" | "nginx" | "registry" | "registryTls" | "hello" | "floor";

/** A P-256 authority and a leaf for 127.0.0.1, as files. */
async function certificates(folder: string): Promise<void> {
  const ec = ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"];
  await run("openssl", [...ec, `${folder}/ca.key`]);
  await run("openssl", [...ec, `${folder}/leaf.key`]);
  const subject = ["-subj", "/CN=bench", "-days", "2"];
  await run("openssl", [
    "req",
    "-x509",
    "-new",
    "-key",
    `${folder}/ca.key`,
    ...subject,
    "-out",
    `${folder}/ca.crt`,
  ]);
  await run("openssl", [
    "req",
    "-new",
    "-key",
    `${folder}/leaf.key`,
    "-subj",
    "/CN=bench leaf",
    "-out",
    `${folder}/leaf.csr`,
  ]);
  await writeFile(`${folder}/leaf.ext`, "subjectAltName=IP:127.0.0.1\n");
  const signing = ["-CA", `${folder}/ca.crt`, "-CAkey", `${folder}/ca.key`, "-CAcreateserial"];
  await run("openssl", [
    "x509",
    "-req",
    "-in",
    `${folder}/leaf.csr`,
    ...signing,
    "-days",
    "2",
    "-extfile",
    `${folder}/leaf.ext`,
    "-out",
    `${folder}/leaf.crt`,
  ]);
}

/** As a proxy made of nginx answers inside a CONNECT: from its cache, with a line of log for each. */
function nginxCache(folder: string): string {
  return ` proxy_cache_path ${folder}/nginx-cache keys_zone=kept:10m; keepalive_requests 1000000000;
 log_format line '$time_iso8601 $remote_addr $request_method $host $request_uri $status $body_bytes_sent $upstream_cache_status $request_time';
 server { listen 127.0.0.1:${ports.nginxCache} ssl; ssl_certificate ${folder}/leaf.crt; ssl_certificate_key ${folder}/leaf.key;
  ssl_protocols TLSv1.3; access_log ${folder}/nginx.access line buffer=64k flush=1s;
  location / { proxy_pass https://127.0.0.1:${ports.upstream}; proxy_set_header Host 127.0.0.1:${ports.upstream};
   proxy_cache kept; proxy_cache_valid 200 1h; proxy_cache_key $uri; add_header X-Cache $upstream_cache_status; } }`;
}

function nginxConfig(folder: string): string {
  const user = process.getuid?.() === 0 ? "user root; " : "";
  return `${user}daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/nginx.err;
events { worker_connections 1024; }
http { access_log off; sendfile on; tcp_nopush on; client_body_temp_path ${folder}/nb; proxy_temp_path ${folder}/np;
 fastcgi_temp_path ${folder}/nf; uwsgi_temp_path ${folder}/nu; scgi_temp_path ${folder}/ns;
 server { listen 127.0.0.1:${ports.nginx} ssl; ssl_certificate ${folder}/leaf.crt; ssl_certificate_key ${folder}/leaf.key;
  ssl_protocols TLSv1.3; root ${folder}/www; }
${nginxCache(folder)} }
`;
}

function registryConfig(folder: string, port: number, isTls: boolean): string {
  const tls = isTls
    ? `\n  tls:\n    certificate: ${folder}/leaf.crt\n    key: ${folder}/leaf.key`
    : "";
  return `version: 0.1
log:
  level: error
  accesslog:
    disabled: true
storage:
  filesystem:
    rootdirectory: ${folder}/registry-${port}
http:
  addr: 127.0.0.1:${port}${tls}
proxy:
  remoteurl: https://127.0.0.1:${ports.upstream}
`;
}

async function startRegistry(folder: string, port: number, isTls: boolean): Promise<Running> {
  const config = `${folder}/registry-${port}.yml`;
  await writeFile(config, registryConfig(folder, port, isTls));
  const env = { SSL_CERT_FILE: `${folder}/ca.crt`, OTEL_TRACES_EXPORTER: "none" };
  const log = `${folder}/registry-${port}.log`;
  return start({ command: "docker-registry", args: ["serve", config], env, core: 0, port, log });
}

/** What Entrepot is started with: its defaults, plus what a bench on loopback needs. */
export function entrepotEnvironment(folder: string): Record<string, string> {
  return {
    HOST: "127.0.0.1",
    PORT: String(ports.entrepot),
    ADMIN_PORT: "0",
    DATA_DIR: `${folder}/data`,
    REGISTRIES: `127.0.0.1:${ports.upstream}`,
    MIRROR_DEFAULT: `127.0.0.1:${ports.upstream}`,
    UPSTREAM_CA: `${folder}/ca.crt`,
    UPSTREAM_ALLOW_ADDRESSES: "127.0.0.0/8",
    TAG_TTL: "10 min",
  };
}

export async function startEntrepot(
  folder: string,
  log = `${folder}/entrepot.log`,
): Promise<Running> {
  return start({
    command: process.execPath,
    args: ["--max-semi-space-size=8", "--v8-pool-size=1", here("../../dist/app/main.js")],
    env: entrepotEnvironment(folder),
    core: 0,
    port: ports.entrepot,
    log,
  });
}

export async function openScene(): Promise<Scene> {
  const folder = await mkdtemp(`${tmpdir()}/entrepot-bench-`);
  await mkdir(`${folder}/www`);
  await certificates(folder);
  await writeFile(`${folder}/nginx.conf`, nginxConfig(folder));
  const leaf = [`${folder}/leaf.key`, `${folder}/leaf.crt`];
  const node = process.execPath;
  const upstream = await start({
    command: node,
    args: [here("upstream-main.ts"), String(ports.upstream), ...leaf],
    core: 1,
    port: ports.upstream,
    log: `${folder}/upstream.log`,
  });
  const first = await startEntrepot(folder); // makes the CA: the second start is the one that counts
  await first.stop();
  const began = performance.now();
  const entrepot = await startEntrepot(folder);
  const readyMs = performance.now() - began;
  const nginx = await start({
    command: "nginx",
    args: ["-c", `${folder}/nginx.conf`],
    core: 0,
    port: ports.nginx,
    log: `${folder}/nginx.log`,
  });
  const registry = await startRegistry(folder, ports.registry, false);
  const registryTls = await startRegistry(folder, ports.registryTls, true);
  const hello = await start({
    command: node,
    args: [here("hello-main.ts"), String(ports.hello), String(ports.helloConnect), ...leaf, "482"],
    core: 0,
    port: ports.helloConnect,
    log: `${folder}/hello.log`,
  });
  const ca = await readFile(`${folder}/ca.crt`, "utf8");
  const floor = await start({
    command: node,
    args: [here("floor-main.ts"), String(ports.floor), ...leaf, String(floorBytes)],
    core: 0,
    port: ports.floor,
    log: `${folder}/floor.log`,
  });
  const parts = { upstream, entrepot, nginx, registry, registryTls, hello, floor };
  return new Scene(parts, folder, ca, readyMs);
}

/** Writes `size` bytes for nginx to serve; resolves with the path under its root. */
export async function staticFile(folder: string, name: string, size: number): Promise<string> {
  const file = createWriteStream(`${folder}/www/${name}`);
  const chunk = Buffer.alloc(1024 * 1024, 7);
  for (let written = 0; written < size; written += chunk.length) {
    if (!file.write(chunk)) await new Promise((resolve) => file.once("drain", resolve));
  }
  await new Promise<void>((resolve) => file.end(() => resolve()));
  return `/${name}`;
}
