/**
 * A machine for the reader of a guide: this very Debian, or another tree of files, started by its own
 * systemd in a container, on which commands run as they are written. What they change is gone with it;
 * the network is ours, unless it has a wire of its own.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { type Run, run, Service } from "./program.ts";

/** Changes go to memory, those of the folder that is shared too, usually this clone at /opt/entrepot. Engines keep their images where no overlay is below them. */
const boot = `
set -e
mount -t tmpfs tmpfs /run
mkdir -p "$1"
mount -t tmpfs -o mode=755 tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/tree"
mount -t overlay overlay -o "lowerdir=$5,upperdir=$1/upper,workdir=$1/work" "$1/tree"
cp -a "$2/." "$1/tree"
mkdir -p "$1/project-upper" "$1/project-work" "$1/tree$4"
mount -t overlay overlay "$1/tree$4" \\
  -o "lowerdir=$3,upperdir=$1/project-upper,workdir=$1/project-work"
: > "$1/tree/etc/machine-id"
export SYSTEMD_SECCOMP=0
systemd-nspawn --quiet --directory="$1/tree" --machine="entrepot-$$" --boot --register=no \\
  --keep-unit --console=pipe --capability=all --link-journal=no --resolv-conf=off \\
  --tmpfs=/var/lib/docker --tmpfs=/var/lib/containerd --tmpfs=/var/lib/containers \\
  --tmpfs=/var/lib/buildkit "\${@:6}" -- --unit=basic.target
`;

const home = "/var/reader";
const project = join(import.meta.dirname, "../../..");

/** What runc is asked for, less what this computer gives to nobody; so privileged containers start. */
const modestRunc = `#!/bin/bash
for word; do
  case \${last-} in
    --bundle) asked=$word/config.json ;;
    --process) asked=$word ;;
    *) asked= ;;
  esac
  [[ -z $asked ]] || sed -Ei 's/"CAP_SYS_RESOURCE",?//g; s/,]/]/g' "$asked"
  last=$word
done
exec runc "$@"
`;
const dockerOptions =
  "--bridge=none --iptables=false --add-runtime=modest=/usr/local/bin/runc-modest --default-runtime=modest";

export type MachineOptions = {
  /** The files of its system; this computer's own. */
  readonly tree?: string;
  /** A folder that it has as its own, and where; this clone at /opt/entrepot. */
  readonly shared?: { readonly from: string; readonly at: string };
  /** What this end of its wire is called; the other one is its `host0`. Left out, it has our network. */
  readonly wire?: string;
};

export class Machine {
  readonly #service: Service;
  readonly #leader: string;
  readonly #hasWire: boolean;

  private constructor(service: Service, leader: string, hasWire: boolean) {
    this.#service = service;
    this.#leader = leader;
    this.#hasWire = hasWire;
  }

  /** `folder` is its alone; `files` lie on it beforehand, by path. */
  static async boot(
    folder: string,
    files: Readonly<Record<string, string>> = {},
    { tree = "/", shared = { from: project, at: "/opt/entrepot" }, wire }: MachineOptions = {},
  ): Promise<Machine> {
    const placed = {
      "/etc/default/docker": `DOCKER_OPTS="${dockerOptions}"\n`,
      "/usr/local/bin/runc-modest": modestRunc,
      [`${home}/.profile`]: "",
      ...files,
    };
    const added = join(folder, "added");
    for (const [path, content] of Object.entries(placed)) {
      await mkdir(dirname(join(added, path)), { recursive: true });
      await writeFile(join(added, path), content);
    }
    const network =
      wire === undefined ? [] : ["--private-network", `--network-veth-extra=${wire}:host0`];
    const places = [join(folder, "machine"), added, shared.from, shared.at, tree];
    const args = ["bash", "-c", boot, "boot", ...places, ...network];
    const service = startApart(args);
    try {
      const machine = await Machine.#whenUp(service, wire !== undefined);
      await machine.must(`chmod 755 /usr/local/bin/runc-modest
        for one in /sys/fs/cgroup /sys/fs/cgroup/*; do mount -o remount,rw,bind "$one" || true; done
        update-ca-certificates`);
      return machine;
    } catch (error) {
      await service.kill();
      throw error;
    }
  }

  static async #whenUp(service: Service, hasWire: boolean): Promise<Machine> {
    let leader = "";
    await service.ready(async () => {
      leader = await firstSystemd(String(service.pid));
      const { stdout } = await new Machine(service, leader, hasWire).run(
        "systemctl is-system-running",
      );
      return /^(?:running|degraded)/.test(stdout);
    });
    return new Machine(service, leader, hasWire);
  }

  /** As its root types it into bash: a line that fails ends it. */
  run(commands: string, limitMs?: number): Promise<Run> {
    const path = `PATH=${process.env.PATH}${delimiter}/usr/local/sbin:/usr/sbin:/sbin`;
    const network = this.#hasWire ? ["-n"] : [];
    const enter = ["-t", this.#leader, "-m", "-u", "-i", "-p", "-C", ...network];
    const shell = ["env", "-i", `HOME=${home}`, path, "bash", "-euo", "pipefail", "-c"];
    return run(
      "nsenter",
      [...enter, ...shell, `cd\n${commands}`],
      limitMs === undefined ? {} : { limitMs },
    );
  }

  /** As `run`, but what fails is an error with everything that was said. */
  async must(commands: string, limitMs?: number): Promise<Run> {
    const done = await this.run(commands, limitMs);
    if (done.code === 0) return done;
    throw new Error(`${commands}\n\nended with ${done.code}:\n${done.output}`);
  }

  /** As somebody at its terminal who types these lines into the command. */
  type(command: string, lines: readonly string[]): Promise<Run> {
    const typed = lines.map((line) => `'${line}'`).join(" ");
    const terminal = `script --quiet --return --command '${command}' /dev/null`;
    return this.run(`printf '%s\\n' ${typed} | ${terminal}`);
  }

  /** Ends it at once, with everything on it. */
  stop(): Promise<void> {
    return this.#service.kill();
  }
}

/** With processes of its own, which end with the first of them, whatever ends that. */
export function startApart(command: readonly string[]): Service {
  const own = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  // unshare minds no TERM, and what it began outlives it then.
  return new Service("unshare", [...own, ...command], { lastSignal: "KILL" });
}

async function firstSystemd(pid: string): Promise<string> {
  const name = await readFile(`/proc/${pid}/comm`, "utf8");
  if (name === "systemd\n") return pid;
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return firstSystemd(children.split(" ", 1)[0] ?? "");
}

/** Whether this computer can start one. */
export function canBoot(): boolean {
  return existsSync("/usr/bin/systemd-nspawn") && existsSync("/lib/systemd/systemd");
}
