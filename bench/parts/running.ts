/** Child processes of the bench: started on one core, watched, ended by their own id. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

export type Start = {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** 0 for what is measured, 1 for what measures; "0,1" where the cores are free. */
  readonly core: 0 | 1 | "0,1";
  /** Resolves once something listens here. */
  readonly port: number;
  readonly log: string;
};

/** A process under measurement, with everything it forked. */
export class Running {
  readonly #child: ChildProcess;
  readonly pid: number;

  constructor(child: ChildProcess, pid: number) {
    this.#child = child;
    this.pid = pid;
  }

  /** User and system seconds used so far by the process and its children. */
  cpuSeconds(): number {
    return this.#family().reduce((sum, pid) => sum + cpuTicks(pid) / 100, 0);
  }

  /** Resident memory in MiB, all processes of the family added up. */
  residentMiB(): number {
    return this.#family().reduce((sum, pid) => sum + status(pid, "VmRSS"), 0) / 1024;
  }

  /** The most resident memory the process ever had, in MiB. */
  peakMiB(): number {
    return this.#family().reduce((sum, pid) => sum + status(pid, "VmHWM"), 0) / 1024;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 10_000);
    await once(this.#child, "exit");
    clearTimeout(timer);
  }

  #family(): number[] {
    const children = readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => parentOf(pid) === this.pid);
    return [this.pid, ...children];
  }
}

export async function start(options: Start): Promise<Running> {
  const log = openSync(options.log, "a");
  const child = spawn("taskset", ["-c", String(options.core), options.command, ...options.args], {
    stdio: ["ignore", log, log],
    env: { ...process.env, ...options.env },
  });
  await once(child, "spawn");
  if (child.pid === undefined) throw new Error(`${options.command} did not start`);
  const running = new Running(child, child.pid);
  await listening(options.port, child, options.log);
  return running;
}

async function listening(port: number, child: ChildProcess, log: string): Promise<void> {
  for (let tries = 0; tries < 3_000; tries += 1) {
    if (child.exitCode !== null) throw new Error(`exited early:\n${readFileSync(log, "utf8")}`);
    if (await answers(port)) return;
    await pause(10);
  }
  throw new Error(`nothing listens on ${port}:\n${readFileSync(log, "utf8")}`);
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false; // not yet
  } finally {
    socket.destroy();
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // the process has gone
  }
}

function statFields(pid: number): string[] {
  const text = read(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

function parentOf(pid: number): number {
  return Number(statFields(pid)[1] ?? 0);
}

function cpuTicks(pid: number): number {
  const fields = statFields(pid);
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
}

function status(pid: number, field: string): number {
  const match = new RegExp(`${field}:\\s+(\\d+) kB`).exec(read(`/proc/${pid}/status`));
  return Number(match?.[1] ?? 0);
}
