/**
 * Clients that use the mirror door instead of a proxy. Engines are set up by the very scripts that the
 * mirror gives away; tools without mirrors name images by its address and a path.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { runWell } from "../program.ts";
import type { Client, StartClient, Surroundings } from "./client.ts";
import { startContainerd, startNerdctl } from "./containerd.ts";
import { startBuildah, startPodman, startSkopeo } from "./containers-tools.ts";
import { startCrane } from "./crane.ts";
import { startDocker } from "./docker.ts";
import { startOras } from "./oras.ts";

type Mirrored = {
  readonly program: string;
  /** Whether it goes to the registry itself when the mirror cannot. */
  readonly fallsBack: boolean;
  /** `mirror` is the mirror's `http://host:port`. */
  readonly start: (mirror: string) => StartClient;
};

export const mirroredClients: readonly Mirrored[] = [
  { program: "dockerd", fallsBack: true, start: mirroredDocker },
  { program: "containerd", fallsBack: true, start: mirroredContainerd },
  { program: "podman", fallsBack: true, start: (mirror) => configured(startPodman, mirror) },
  { program: "skopeo", fallsBack: true, start: (mirror) => configured(startSkopeo, mirror) },
  { program: "buildah", fallsBack: true, start: (mirror) => configured(startBuildah, mirror) },
  { program: "crane", fallsBack: false, start: (mirror) => byPath(startCrane, mirror) },
  { program: "oras-pull", fallsBack: false, start: (mirror) => byPath(plainOras, mirror) },
];

const plainOras: StartClient = (surroundings) => startOras(surroundings, ["-plain-http"]);

export function mirroredDocker(mirror: string): StartClient {
  return async (surroundings) => {
    const root = await setUp("docker-mirror", mirror, surroundings);
    const file = join(root, "etc/docker/daemon.json");
    // It tries a mirror that is gone five times by default, for a minute, before it goes elsewhere.
    return startDocker(surroundings, [`--config-file=${file}`, "--max-download-attempts=2"]);
  };
}

export function mirroredContainerd(mirror: string): StartClient {
  return async (surroundings) => {
    const root = await setUp("containerd", mirror, surroundings);
    return startContainerd(surroundings, ["--hosts-dir", join(root, "etc/containerd/certs.d")]);
  };
}

export function mirroredNerdctl(mirror: string): StartClient {
  return async (surroundings) => {
    const root = await setUp("containerd", mirror, surroundings);
    return startNerdctl(surroundings, ["--hosts-dir", join(root, "etc/containerd/certs.d")]);
  };
}

/** podman, skopeo and buildah, with the mirrors in registries.conf. */
function configured(
  start: (surroundings: Surroundings, mirrors: string) => Promise<Client>,
  mirror: string,
): StartClient {
  return async (surroundings) => {
    const root = await setUp("podman", mirror, surroundings);
    const file = join(root, "etc/containers/registries.conf.d/50-entrepot.conf");
    return start(surroundings, await readFile(file, "utf8"));
  };
}

/** Every image by the mirror's own address and the registry's name. */
export function byPath(start: StartClient, mirror: string): StartClient {
  return async (surroundings) => {
    const client = await start(surroundings);
    const host = mirror.replace(/^https?:\/\//, "");
    return { ...client, pull: (image) => client.pull(`${host}/${image}`) };
  };
}

/** Runs the mirror's script as its page says, but below a folder of this client's own. */
async function setUp(script: string, mirror: string, { folder }: Surroundings): Promise<string> {
  const command = `set -o pipefail; curl -fsS "$1/setup/${script}" | bash -s -- --root "$2"`;
  await runWell("bash", ["-c", command, "set-up", mirror, folder], { env: { HOME: folder } });
  return folder;
}
