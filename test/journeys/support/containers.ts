/** Entrepot as its image, run by an engine; on this machine's network, where the played registries are. */
import { readdir, readFile } from "node:fs/promises";
import { freePort } from "../../support/free-port.ts";
import type { CommandedClient } from "./clients/client.ts";
import { type Environment, run } from "./program.ts";

/** Podman raises limits, which not every machine lets it, and has systemd look after health. */
const modest = ["--ulimit=nofile=1024:4096", "--ulimit=nproc=4096:4096", "--no-healthcheck"];

export type ContainerAsk = {
  readonly image: string;
  readonly env?: Environment;
  /** Of `run`, as `--volume=…`. */
  readonly options?: readonly string[];
};

export class Container {
  readonly port: number;
  readonly id: string;
  readonly #engine: CommandedClient;

  private constructor(engine: CommandedClient, id: string, port: number) {
    this.#engine = engine;
    this.id = id;
    this.port = port;
  }

  /** Resolves once it is ready to serve; throws with what it said when it ends before. */
  static async start(engine: CommandedClient, ask: ContainerAsk): Promise<Container> {
    const container = await Container.begin(engine, ask);
    const { port } = container;
    const deadline = performance.now() + 60_000;
    while (!(await isReady(port))) {
      if ((await container.#inspect("{{.State.Running}}")) !== "true") {
        throw new Error(`the container ended:\n${await container.logs()}`);
      }
      if (performance.now() > deadline) throw new Error(`not ready:\n${await container.logs()}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return container;
  }

  /** Not waited for. */
  static async begin(engine: CommandedClient, ask: ContainerAsk): Promise<Container> {
    const { id, port } = await Container.#run(engine, ask);
    return new Container(engine, id, port);
  }

  /** One that is expected to end by itself: its exit code and what it said. */
  static async ended(engine: CommandedClient, ask: ContainerAsk) {
    const container = await Container.begin(engine, ask);
    const code = Number((await engine.command("wait", container.id)).stdout.trim());
    const output = await container.logs();
    await container.remove();
    return { code, output };
  }

  static async #run(engine: CommandedClient, { image, env = {}, options = [] }: ContainerAsk) {
    const port = Number(env.PORT ?? (await freePort()));
    const given = { HOST: "127.0.0.1", PORT: `${port}`, ADMIN_PORT: "0", ...env };
    const variables = Object.entries(given).map(([name, value]) => `--env=${name}=${value}`);
    const args = ["run", "--detach", "--network=host", ...variables, ...options];
    const begun = await engine.command(...args, ...(engine.name === "podman" ? modest : []), image);
    if (begun.code !== 0) throw new Error(begun.output);
    return { id: begun.stdout.trim().split("\n").at(-1) ?? "", port };
  }

  /** What a line of /proc/PID/status says of each of its threads, each once. */
  async ofEveryThread(
    line: "Uid" | "Gid" | "Groups" | "CapEff" | "SigCgt",
  ): Promise<readonly string[]> {
    const pid = await this.#inspect("{{.State.Pid}}");
    const tasks = await readdir(`/proc/${pid}/task`);
    const said = await Promise.all(
      tasks.map(async (task) => {
        const status = await readFile(`/proc/${pid}/task/${task}/status`, "utf8");
        return new RegExp(`^${line}:\\s*(.*?)\\s*$`, "m").exec(status)?.[1]?.replaceAll("\t", " ");
      }),
    );
    return [...new Set(said.map((each) => each ?? "not said"))];
  }

  async exec(...words: readonly string[]) {
    return await this.#engine.command("exec", this.id, ...words);
  }

  async logs(): Promise<string> {
    return (await this.#engine.command("logs", this.id)).output;
  }

  /** Its exit code; then it is gone. */
  async stop(): Promise<number> {
    await this.#engine.command("stop", "--time=40", this.id);
    const code = Number(await this.#inspect("{{.State.ExitCode}}"));
    await this.remove();
    return code;
  }

  async remove(): Promise<void> {
    await this.#engine.command("rm", "--force", this.id);
  }

  async #inspect(format: string): Promise<string> {
    return (await this.#engine.command("inspect", `--format=${format}`, this.id)).stdout.trim();
  }
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
  } catch {
    return false;
  }
}

/** Copies an image through a mirror's door; throws what skopeo said. */
export async function pullThrough(address: string, image: string, to: string): Promise<void> {
  const from = `docker://${address}/${image}`;
  const args = ["copy", "--insecure-policy", "--src-tls-verify=false", from, `dir:${to}`];
  const done = await run("skopeo", args);
  if (done.code !== 0) throw new Error(done.output);
}
