/** Debian's docker-registry as a child process on a plain loopback port. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../../../support/free-port.ts";
import { Service } from "../program.ts";
import { issuer } from "./token-service.ts";

export type DockerRegistryOptions = {
  /** Where images are kept; may be shared by processes that only read. */
  readonly storage: string;
  /** For the configuration file. */
  readonly folder: string;
  /** Without it anybody may do anything. */
  readonly token?: { readonly realm: string; readonly service: string; readonly ca: string };
};

export type DockerRegistry = { readonly port: number; stop(): Promise<void> };

export async function startDockerRegistry(options: DockerRegistryOptions): Promise<DockerRegistry> {
  const port = await freePort();
  await mkdir(options.folder, { recursive: true });
  const config = join(options.folder, "config.json");
  // The registry reads YAML, of which JSON is a part.
  await writeFile(config, JSON.stringify(await configuration(options, port)));
  const service = new Service("docker-registry", ["serve", config]);
  await service.ready(async () => (await fetch(`http://127.0.0.1:${port}/`)).ok);
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
    },
    http: { addr: `127.0.0.1:${port}`, secret: "CANARY-http-secret", relativeurls: true },
    ...(await authentication(options)),
  };
}

async function authentication({ token, folder }: DockerRegistryOptions): Promise<object> {
  if (token === undefined) return {};
  const bundle = join(folder, "token-signer.pem");
  await writeFile(bundle, token.ca);
  const { realm, service } = token;
  return { auth: { token: { realm, service, issuer, rootcertbundle: bundle } } };
}
