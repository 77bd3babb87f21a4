/** podman, buildah and skopeo: no daemon, each run of the command pulls by itself. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run, runWell } from "../program.ts";
import { type Client, environment, type Surroundings } from "./client.ts";

export const startPodman = (surroundings: Surroundings): Promise<Client> =>
  startStorageTool("podman", surroundings);

export const startBuildah = (surroundings: Surroundings): Promise<Client> =>
  startStorageTool("buildah", surroundings);

/** skopeo has no store: it copies into a folder. `inspect` and others go by `skopeo(…)`. */
export async function startSkopeo(surroundings: Surroundings): Promise<Client> {
  const env = await prepared(surroundings);
  const target = join(surroundings.folder, "image");
  const policy = join(surroundings.folder, "policy.json");
  return {
    name: "skopeo",
    pull: (image) =>
      run("skopeo", ["--policy", policy, "copy", `docker://${image}`, `dir:${target}`], { env }),
    wipe: async () => {
      await runWell("rm", ["-rf", target]);
    },
    stop: async () => undefined,
  };
}

async function startStorageTool(
  command: "podman" | "buildah",
  surroundings: Surroundings,
): Promise<Client> {
  const { folder } = surroundings;
  const env = await prepared(surroundings);
  const root = join(folder, "root");
  const store = ["--root", root, "--runroot", join(folder, "run"), "--storage-driver", "vfs"];
  const policy = ["--signature-policy", join(folder, "policy.json")];
  return {
    name: command,
    pull: (image) => run(command, [...store, "pull", ...policy, image], { env }),
    wipe: async () => {
      await runWell("rm", ["-rf", root]);
    },
    stop: async () => undefined,
  };
}

async function prepared(surroundings: Surroundings) {
  const { folder } = surroundings;
  const accept = { default: [{ type: "insecureAcceptAnything" }] };
  await writeFile(join(folder, "policy.json"), JSON.stringify(accept));
  await writeFile(join(folder, "no-credentials.json"), "{}");
  const registries = join(folder, "registries.conf");
  await writeFile(registries, 'unqualified-search-registries = ["docker.io"]\n');
  return { ...environment(surroundings), CONTAINERS_REGISTRIES_CONF: registries };
}
