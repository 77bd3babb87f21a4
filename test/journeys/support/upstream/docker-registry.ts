/** Debian's docker-registry, or its next release, as a child process on a plain loopback port. */
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { freePort } from "../../../support/free-port.ts";
import { Service } from "../program.ts";
import { issuer } from "./token-service.ts";

export type DockerRegistryOptions = {
  /** Without it Debian's. */
  readonly program?: "docker-registry" | "distribution-3";
  /** Where images are kept; may be shared by processes that only read. */
  readonly storage: string;
  /** For the configuration file. */
  readonly folder: string;
  /** Without it anybody may do anything. */
  readonly token?: { readonly realm: string; readonly service: string; readonly ca: string };
  /** A file as htpasswd writes it. */
  readonly htpasswd?: string;
  /** Where it listens by itself, with its certificate's files if it speaks TLS; otherwise in front stands another. */
  readonly at?: RegistryPlace;
};

/** An address that has a name. */
export type RegistryPlace = {
  readonly host: string;
  readonly address: string;
  readonly tls?: { readonly cert: string; readonly key: string };
};

export type DockerRegistry = { readonly port: number; stop(): Promise<void> };

export async function startDockerRegistry(options: DockerRegistryOptions): Promise<DockerRegistry> {
  const port = await freePort();
  await mkdir(options.folder, { recursive: true });
  const config = join(options.folder, "config.json");
  // The registry reads YAML, of which JSON is a part.
  await writeFile(config, JSON.stringify(await configuration(options, port)));
  // The newer one looks for somebody to tell of its requests.
  const env = { OTEL_TRACES_EXPORTER: "none" };
  const service = new Service(options.program ?? "docker-registry", ["serve", config], { env });
  await service.ready(() => isOpen(options.at?.address ?? "127.0.0.1", port));
  return {
    port,
    stop: async () => {
      await service.stop();
    },
  };
}

async function configuration(options: DockerRegistryOptions, port: number): Promise<object> {
  return {
    version: "0.1",
    log: { level: "error", accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: options.storage },
      maintenance: { uploadpurging: { enabled: false } },
      delete: { enabled: true },
    },
    http: listener(options.at, port),
    ...(await authentication(options)),
  };
}

function listener(at: RegistryPlace | undefined, port: number): object {
  const common = { addr: `${at?.address ?? "127.0.0.1"}:${port}`, secret: "CANARY-http-secret" };
  if (at === undefined) return { ...common, relativeurls: true };
  const { tls } = at;
  return tls === undefined ? common : { ...common, tls: { certificate: tls.cert, key: tls.key } };
}

/** Whether somebody takes connections there. */
export async function isOpen(address: string, port: number): Promise<boolean> {
  const socket = connect({ host: address, port });
  try {
    await once(socket, "connect");
    return true;
  } finally {
    socket.destroy();
  }
}

async function authentication({ token, folder, htpasswd }: DockerRegistryOptions): Promise<object> {
  if (htpasswd !== undefined) return { auth: { htpasswd: { realm: "company", path: htpasswd } } };
  if (token === undefined) return {};
  const bundle = join(folder, "token-signer.pem");
  await writeFile(bundle, token.ca);
  const { realm, service } = token;
  return { auth: { token: { realm, service, issuer, rootcertbundle: bundle } } };
}
