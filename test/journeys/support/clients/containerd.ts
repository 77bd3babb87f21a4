/**
 * containerd with a root of its own, spoken to with ctr (which fetches itself, so it gets the proxy), or as
 * the kubelet does.
 */
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

/** The same containerd by nerdctl, which fetches itself as well. */
export async function startNerdctl(
  surroundings: Surroundings,
  options: readonly string[] = [],
): Promise<Client> {
  const { folder } = surroundings;
  const daemon = await startContainerd(surroundings);
  const own = [
    "--address",
    join(folder, "containerd.sock"),
    "--data-root",
    join(folder, "nerdctl"),
  ];
  const pull = [...own, "--snapshotter", "native", ...options, "pull"];
  return {
    ...daemon,
    name: "nerdctl",
    pull: (image) => run("nerdctl", [...pull, image], { env: environment(surroundings) }),
  };
}

/** Each layer in pieces of so many bytes, eight at a time. */
const piece = 4 * 1024 * 1024;

/** containerd 2, which fetches by itself, and a layer in parallel pieces when it is told to. */
export async function startPiecewiseContainerd(surroundings: Surroundings): Promise<Client> {
  const { folder } = surroundings;
  const env = environment(surroundings);
  const socket = join(folder, "containerd.sock");
  const config = join(folder, "config.toml");
  await writeFile(config, piecewise(folder, socket));
  const daemon = new Service("containerd-2", ["--config", config], { env });
  await daemon.ready(async () => (await run("ctr", ["-a", socket, "version"])).code === 0);
  const pulled = new Set<string>();
  return {
    name: "containerd-2",
    pull: (image) => {
      pulled.add(image);
      return run("cri-pull", [socket, image]);
    },
    wipe: async () => {
      for (const image of pulled) await runWell("cri-pull", ["-remove", socket, image]);
      await runWell("ctr", ["-a", socket, "-n", "k8s.io", "content", "prune", "references"]);
    },
    stop: async () => {
      await daemon.stop();
    },
  };
}

function piecewise(folder: string, socket: string): string {
  const transfer = `plugins."io.containerd.transfer.v1.local"`;
  return `version = 3
root = "${join(folder, "root")}"
state = "${join(folder, "state")}"
[grpc]
  address = "${socket}"
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "native"
[${transfer}]
  max_concurrent_downloads = 8
  concurrent_layer_fetch_buffer = ${piece}
[[${transfer}.unpack_config]]
  platform = "linux/amd64"
  snapshotter = "native"
`;
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
