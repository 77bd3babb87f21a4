/** dockerd with a data root of its own, spoken to with the docker command. */
import { join } from "node:path";
import { run, runWell, Service } from "../program.ts";
import { type CommandedClient, environment, longCommand, type Surroundings } from "./client.ts";

/** `options` are dockerd's own, as `--registry-mirror=…`. */
export async function startDocker(
  surroundings: Surroundings,
  options: readonly string[] = [],
): Promise<CommandedClient> {
  const { folder } = surroundings;
  const socket = `unix://${join(folder, "docker.sock")}`;
  const daemon = new Service(
    "dockerd",
    [
      `--data-root=${join(folder, "data")}`,
      `--exec-root=${join(folder, "exec")}`,
      `--pidfile=${join(folder, "docker.pid")}`,
      `--host=${socket}`,
      "--bridge=none",
      "--iptables=false",
      "--ip6tables=false",
      "--storage-driver=vfs",
      ...options,
    ],
    { env: environment(surroundings) },
  );
  // The command itself talks to the daemon only and needs no proxy.
  const env = { HOME: folder, DOCKER_CONFIG: folder };
  const docker = (...args: readonly string[]) => run("docker", ["-H", socket, ...args], { env });
  await daemon.ready(async () => (await docker("version")).code === 0);
  return {
    name: "dockerd",
    command: (...args) => run("docker", ["-H", socket, ...args], { env, limitMs: longCommand }),
    pull: (image) => docker("pull", image),
    wipe: async () => {
      const { stdout } = await docker("images", "--quiet", "--all", "--no-trunc");
      const ids = [...new Set(stdout.split("\n").filter((id) => id !== ""))];
      if (ids.length > 0)
        await runWell("docker", ["-H", socket, "rmi", "--force", ...ids], { env });
    },
    stop: async () => {
      await daemon.stop();
      // It leaves the network that its containers shared with this machine mounted there.
      await run("umount", ["--quiet", join(folder, "exec/netns/default")]);
    },
  };
}
