/**
 * buildkitd with a root of its own, spoken to with buildctl. What it pulls is what a build begins with.
 * buildctl sends the login that `config.json` of its folder has at that moment.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Run, run, runWell, Service } from "../program.ts";
import { type Client, environment, longCommand, type Surroundings } from "./client.ts";

export interface Buildkit extends Client {
  /** Where a build finds what it copies. */
  readonly context: string;
  /** Builds by this Dockerfile; `options` are those of `buildctl build`. */
  build(dockerfile: string, ...options: readonly string[]): Promise<Run>;
}

/** `settings` is what stands in its buildkitd.toml; left out, a registry on localhost is plain. */
export async function startBuildkit(surroundings: Surroundings, settings = ""): Promise<Buildkit> {
  const { folder } = surroundings;
  const env = environment(surroundings);
  const [config, context] = [join(folder, "buildkitd.toml"), join(folder, "context")];
  await writeFile(config, settings);
  await mkdir(context, { recursive: true });
  const address = `unix://${join(folder, "buildkit.sock")}`;
  const daemon = new Service(
    "buildkitd",
    [
      ...["--root", join(folder, "buildkit"), "--addr", address, "--config", config],
      ...["--containerd-worker=false", "--oci-worker-snapshotter", "native"],
      ...["--oci-worker-net", "host"],
    ],
    { env },
  );
  const buildctl = (...args: readonly string[]) =>
    run("buildctl", ["--addr", address, ...args], { env, limitMs: longCommand });
  await daemon.ready(async () => (await buildctl("debug", "workers")).code === 0);
  const build = async (dockerfile: string, ...options: readonly string[]): Promise<Run> => {
    await writeFile(join(context, "Dockerfile"), dockerfile);
    const places = ["--local", `context=${context}`, "--local", `dockerfile=${context}`];
    const how = ["--progress", "plain", "--frontend", "dockerfile.v0"];
    return buildctl("build", ...how, ...places, ...options);
  };
  return {
    ...{ name: "buildkitd", context, build },
    pull: (image) =>
      build(`FROM ${image}\n`, "--output", `type=local,dest=${join(folder, "pulled")}`),
    wipe: async () => {
      await runWell("buildctl", ["--addr", address, "prune", "--all"], { env });
    },
    stop: async () => {
      await daemon.stop();
    },
  };
}
