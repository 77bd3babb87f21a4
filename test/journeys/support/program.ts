/** Programs of this machine as a journey runs them: with an environment of their own, ended by their pid. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

export type Environment = Readonly<Record<string, string>>;

/** How a program ended and what it said, on both streams as they came. */
export type Run = {
  readonly code: number;
  readonly output: string;
  readonly stdout: string;
  readonly seconds: number;
};

type Options = { readonly env?: Environment; readonly cwd?: string; readonly limitMs?: number };

/** Runs to the end; whatever the exit code, it resolves. After `limitMs` the program is killed. */
export async function run(
  command: string,
  args: readonly string[],
  { env = {}, cwd, limitMs = 120_000 }: Options = {},
): Promise<Run> {
  const begun = performance.now();
  const child = spawn(command, args, {
    env: { PATH: path(), ...env },
    ...(cwd === undefined ? {} : { cwd }),
    stdio: ["ignore", "pipe", "pipe"],
    timeout: limitMs,
    killSignal: "SIGKILL",
  });
  let output = "";
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const [code, signal] = await once(child, "close");
  const seconds = (performance.now() - begun) / 1_000;
  if (signal !== null) output += `\n[${command} was ended by ${signal} after ${seconds} s]`;
  return { code: code ?? -1, output, stdout, seconds };
}

/** As `run`, but anything except exit code 0 is an error that shows the output. */
export async function runWell(
  command: string,
  args: readonly string[],
  options: Options = {},
): Promise<Run> {
  const done = await run(command, args, options);
  if (done.code === 0) return done;
  throw new Error(`${command} ${args.join(" ")} ended with ${done.code}:\n${done.output}`);
}

/** How this machine gets at what it has to fetch from elsewhere: its proxy, registry and authorities. */
export function reachOutside(): Environment {
  const isOf =
    /^(?:https?_proxy|no_proxy|npm_config_registry|goproxy|node_extra_ca_certs|ssl_cert_)/i;
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value !== undefined && isOf.test(name) ? [[name, value]] : [],
    ),
  );
}

/** Has the program after it told to end when this process does: vitest ends its workers unasked. */
const endsWithUs = (signal: string) => ["setpriv", "--pdeathsig", signal, "--"] as const;

type ServiceOptions = Options & {
  /** What it gets when this process ends unasked; `KILL` for what minds nothing less. */
  readonly lastSignal?: "TERM" | "KILL";
};

/** A program that goes on until it is stopped; its lines are kept. */
export class Service {
  readonly lines: string[] = [];
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<number>;
  #isRunning = true;
  readonly #killAtExit = () => this.#signal("SIGKILL");

  /** In a process group of its own, so that what it starts ends with it. */
  constructor(
    command: string,
    args: readonly string[],
    { env = {}, cwd, lastSignal = "TERM" }: ServiceOptions = {},
  ) {
    this.#name = command;
    const [launcher, ...options] = endsWithUs(lastSignal);
    this.#child = spawn(launcher, [...options, command, ...args], {
      env: { PATH: path(), ...env },
      ...(cwd === undefined ? {} : { cwd }),
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    this.#collect();
    const end = Promise.withResolvers<number>();
    this.#ended = end.promise;
    this.#child.once("error", (error) => this.lines.push(String(error)));
    this.#child.once("close", (code) => {
      this.#isRunning = false;
      process.off("exit", this.#killAtExit);
      end.resolve(code ?? -1);
    });
    process.once("exit", this.#killAtExit);
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** The exit code, once it has ended (−1 when a signal ended it). */
  get ended(): Promise<number> {
    return this.#ended;
  }

  get output(): string {
    return this.lines.join("\n");
  }

  /** Polls until the check holds; fails at once, with its output, when the program ends before. */
  async ready(check: () => Promise<boolean>, limitMs = 60_000): Promise<void> {
    const deadline = performance.now() + limitMs;
    while (!(await check().catch(() => false))) {
      if (!this.#isRunning) throw new Error(`${this.#name} ended:\n${this.output}`);
      if (performance.now() > deadline) {
        throw new Error(`${this.#name} is not ready after ${limitMs} ms:\n${this.output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Asks it to end, and insists after a while. Gives its exit code. */
  async stop(patienceMs = 20_000): Promise<number> {
    if (this.#isRunning) this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#signal("SIGKILL"), patienceMs);
    const code = await this.#ended;
    clearTimeout(timer);
    return code;
  }

  /** As a power cut would. */
  async kill(): Promise<void> {
    this.#signal("SIGKILL");
    await this.#ended;
  }

  #signal(signal: NodeJS.Signals): void {
    if (!this.#isRunning || this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch {
      // It ended in this very moment.
    }
  }

  #collect(): void {
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      let rest = "";
      stream?.setEncoding("utf8").on("data", (text: string) => {
        const parts = (rest + text).split("\n");
        rest = parts.pop() ?? "";
        this.lines.push(...parts);
      });
      stream?.on("end", () => {
        if (rest !== "") this.lines.push(rest);
      });
    }
  }
}

/** dockerd and nginx live in sbin, which not every shell has. */
function path(): string {
  return `${process.env.PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;
}
