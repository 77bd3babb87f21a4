/** A real server of records that a test runs, stops, kills and starts again. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { standStill } from "./stand-still.ts";

export type ServerCommand = {
  readonly command: string;
  readonly args: readonly string[];
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
};

/** However a worker ends: one that vitest ends stops nobody. */
const endsWithUs = ["setpriv", "--pdeathsig", "KILL", "--"] as const;

export class ServerProcess {
  readonly #command: ServerCommand;
  #child: ChildProcess | undefined;
  #output = "";

  constructor(command: ServerCommand) {
    this.#command = command;
  }

  /** What it said since it was started last. */
  get output(): string {
    return this.#output;
  }

  /** What runs already is the one. */
  start(): void {
    if (this.#isRunning) return;
    const { command, args, user } = this.#command;
    this.#output = "";
    // A group of its own, so that its children stop and go on with it.
    const [launcher, ...words] = [...endsWithUs, command, ...args];
    const child = spawn(launcher, words, {
      ...user,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        this.#output += String(chunk);
      });
    }
    this.#child = child;
  }

  get #isRunning(): boolean {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** It and what it started, until SIGCONT: resolves once nothing of it runs. */
  async pause(): Promise<void> {
    const pid = this.#child?.pid;
    if (pid === undefined || !this.#isRunning) return;
    await standStill(pid);
    for (const each of childrenOf(pid)) await standStill(each);
  }

  /** To it and to what it started; PostgreSQL gives each connection a process and a group of its own. */
  signal(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (pid === undefined || !this.#isRunning) return;
    for (const each of [pid, ...childrenOf(pid)]) send(each, signal);
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.#isRunning) return;
    const gone = once(child, "exit");
    this.signal("SIGCONT");
    if (signal === "SIGKILL") this.signal(signal);
    else child.kill(signal);
    await gone;
  }
}

function childrenOf(pid: number): readonly number[] {
  const children = textOf(`/proc/${pid}/task/${pid}/children`).trim();
  return children === "" ? [] : children.split(" ").map(Number);
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone meanwhile.
  }
}

/** Empty where the process is gone. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
