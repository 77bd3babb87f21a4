/** A container engine as a journey uses it: everything it keeps lies in a folder of its own. */
import type { Environment, Run } from "../program.ts";

export interface Client {
  readonly name: string;
  /** `docker.io/library/alpine:3.20` or with `@sha256:…`; resolves also when the pull fails. */
  pull(image: string): Promise<Run>;
  /** Forgets every image, so that the next pull asks for all of it again. */
  wipe(): Promise<void>;
  stop(): Promise<void>;
}

export type Surroundings = {
  /** Of this client alone; made by the caller. */
  readonly folder: string;
  /** `http://127.0.0.1:3128`, or none. */
  readonly proxy?: string | undefined;
  /** PEM file of the only authorities it trusts. */
  readonly trust: string;
};

export type StartClient<C extends Client = Client> = (surroundings: Surroundings) => Promise<C>;

/** One that can also be given its own program's commands, which may take long. */
export interface CommandedClient extends Client {
  command(...args: readonly string[]): Promise<Run>;
}

/** Milliseconds for a command that moves gigabytes. */
export const longCommand = 600_000;

/** What a client finds in its environment: nothing of this machine's, and no credentials. */
export function environment({ folder, proxy, trust }: Surroundings): Environment {
  return {
    HOME: folder,
    XDG_RUNTIME_DIR: folder,
    XDG_CONFIG_HOME: folder,
    TMPDIR: folder,
    DOCKER_CONFIG: folder,
    REGISTRY_AUTH_FILE: `${folder}/no-credentials.json`,
    SSL_CERT_FILE: trust,
    SSL_CERT_DIR: `${folder}/no-certificates`,
    ...(proxy === undefined ? {} : { HTTPS_PROXY: proxy, HTTP_PROXY: proxy }),
  };
}
