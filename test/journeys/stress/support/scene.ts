/** What every stress journey starts from: a registry that counts, and the settings that lead to it. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type FakeRegistry, startFakeRegistry } from "../../../support/fake-registry.ts";
import { temporaryFolder } from "../../../support/temp-folder.ts";
import type { Environment } from "../../support/program.ts";
import type { WayJob } from "./clients/jobs.ts";
import type { Stressed } from "./stressed.ts";

export type Scene = {
  readonly folder: string;
  readonly upstream: FakeRegistry;
  /** It is the default registry of the mirror, and named for the proxy. */
  readonly env: Environment;
};

/** Ends with the test. */
export async function setScene(): Promise<Scene> {
  const folder = await temporaryFolder();
  const upstream = await startFakeRegistry({ tls: true });
  const ca = join(folder, "upstream-ca.pem");
  await writeFile(ca, upstream.ca ?? "");
  const env = {
    REGISTRIES: upstream.host,
    MIRROR_DEFAULT: upstream.host,
    UPSTREAM_CA: ca,
    UPSTREAM_ALLOW_ADDRESSES: "127.0.0.0/8",
    CACHE_MIN_FREE: "0",
  };
  return { folder, upstream, env };
}

/** Through CONNECT, with the certificate the program makes for the registry's name. */
export async function throughProxy({ upstream }: Scene, stressed: Stressed): Promise<WayJob> {
  return { port: stressed.port, authority: upstream.host, trust: await stressed.trust() };
}

export function throughMirror(stressed: Stressed): WayJob {
  return { port: stressed.port };
}

export const MiB = 1024 * 1024;
export const repository = "team/app";

export function blobPath(digest: string): string {
  return `/v2/${repository}/blobs/${digest}`;
}

/** Requests for bodies of this blob that reached the registry. */
export function bodyGets({ upstream }: Scene, digest: string): number {
  return upstream.count({ method: "GET", path: blobPath(digest) });
}
