/** containerd with a root of its own, spoken to with ctr (which fetches itself, so it gets the proxy). */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run, runWell, Service } from "../program.ts";
import { type Client, environment, type Surroundings } from "./client.ts";

/** `options` are those of `ctr images pull`, as `--hosts-dir DIR`. */
export async function startContainerd(
  surroundings: Surroundings,
  options: readonly string[] = [],
): Promise<Client> {
  const { folder } = surroundings;
  const env = environment(surroundings);
  const socket = join(folder, "containerd.sock");
  const config = join(folder, "config.toml");
  await writeFile(config, configuration(folder, socket));
  const daemon = new Service("containerd", ["--config", config], { env });
  const ctr = (...args: string[]) => run("ctr", ["-a", socket, ...args], { env });
  await daemon.ready(async () => (await ctr("version")).code === 0);
  return {
    name: "containerd",
    pull: (image) => ctr("images", "pull", "--snapshotter", "native", ...options, image),
    wipe: async () => {
      const { stdout } = await ctr("images", "list", "--quiet");
      const names = stdout.split("\n").filter((name) => name !== "");
      if (names.length === 0) return;
      await runWell("ctr", ["-a", socket, "images", "remove", "--sync", ...names], { env });
    },
    stop: async () => {
      await daemon.stop();
    },
  };
}

function configuration(folder: string, socket: string): string {
  return `version = 2
root = "${join(folder, "root")}"
state = "${join(folder, "state")}"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${socket}"
`;
}
