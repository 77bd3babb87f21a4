/** podman, buildah and skopeo: no daemon, each run of the command pulls by itself. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run, runWell } from "../program.ts";
import { type CommandedClient, environment, longCommand, type Surroundings } from "./client.ts";

/** `mirrors` is what goes into registries.conf. */
export const startPodman = (
  surroundings: Surroundings,
  mirrors?: string,
): Promise<CommandedClient> => startStorageTool("podman", surroundings, mirrors);

export const startBuildah = (
  surroundings: Surroundings,
  mirrors?: string,
): Promise<CommandedClient> => startStorageTool("buildah", surroundings, mirrors);

/** podman that fetches of a layer only what it does not have yet, where the layer can be had in parts. */
export async function startPartialPodman(surroundings: Surroundings): Promise<CommandedClient> {
  const { folder } = surroundings;
  const storage = join(folder, "storage.conf");
  await writeFile(storage, partialStorage(folder));
  const env = { ...(await prepared(surroundings)), CONTAINERS_STORAGE_CONF: storage };
  const policy = ["--signature-policy", join(folder, "policy.json")];
  const podman = (...args: readonly string[]) => run("podman", args, { env, limitMs: longCommand });
  return {
    name: "podman",
    command: podman,
    pull: (image) => podman("--log-level", "debug", "pull", ...policy, image),
    wipe: async () => {
      await runWell("podman", ["rmi", "--all", "--force"], { env });
    },
    stop: async () => undefined,
  };
}

/** Whatever is on its disk has a place to be mounted on: only this driver takes parts. */
function partialStorage(folder: string): string {
  return `[storage]
driver = "overlay"
runroot = "${join(folder, "run")}"
graphroot = "${join(folder, "root")}"
[storage.options]
pull_options = {enable_partial_images = "true", use_hard_links = "false", ostree_repos = ""}
`;
}

/** skopeo has no store: it copies into a folder. `inspect` and others go by `skopeo(…)`. */
export async function startSkopeo(
  surroundings: Surroundings,
  mirrors?: string,
): Promise<CommandedClient> {
  const env = await prepared(surroundings, mirrors);
  const target = join(surroundings.folder, "image");
  // skopeo has flags where podman and buildah look into their environment.
  const { CONTAINERS_REGISTRIES_CONF: registries } = env;
  const policy = join(surroundings.folder, "policy.json");
  const options = ["--policy", policy, "--registries-conf", registries];
  return {
    name: "skopeo",
    command: (...args) => run("skopeo", [...options, ...args], { env, limitMs: longCommand }),
    pull: (image) =>
      run("skopeo", [...options, "copy", `docker://${image}`, `dir:${target}`], { env }),
    wipe: async () => {
      await runWell("rm", ["-rf", target]);
    },
    stop: async () => undefined,
  };
}

async function startStorageTool(
  command: "podman" | "buildah",
  surroundings: Surroundings,
  mirrors?: string,
): Promise<CommandedClient> {
  const { folder } = surroundings;
  const env = await prepared(surroundings, mirrors);
  const root = join(folder, "root");
  const store = ["--root", root, "--runroot", join(folder, "run"), "--storage-driver", "vfs"];
  const policy = ["--signature-policy", join(folder, "policy.json")];
  return {
    name: command,
    command: (...args) => run(command, [...store, ...args], { env, limitMs: longCommand }),
    pull: (image) => run(command, [...store, "pull", ...policy, image], { env }),
    wipe: async () => {
      await runWell("rm", ["-rf", root]);
    },
    stop: async () => undefined,
  };
}

async function prepared(surroundings: Surroundings, mirrors = "") {
  const { folder } = surroundings;
  const accept = { default: [{ type: "insecureAcceptAnything" }] };
  await writeFile(join(folder, "policy.json"), JSON.stringify(accept));
  await writeFile(join(folder, "no-credentials.json"), "{}");
  const registries = join(folder, "registries.conf");
  await writeFile(registries, `unqualified-search-registries = ["docker.io"]\n${mirrors}`);
  return { ...environment(surroundings), CONTAINERS_REGISTRIES_CONF: registries };
}
