/** The built program as a child process, set up by environment as an operator would. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../../support/free-port.ts";
import { type Environment, type Run, run, Service } from "./program.ts";

const main = join(import.meta.dirname, "../../../dist/app/main.js");

export type Entrepot = {
  /** What clients put into HTTPS_PROXY. */
  readonly proxy: string;
  readonly port: number;
  readonly pid: number;
  /** PEM file with its authority, as fetched from `/ca.crt`. */
  readonly trust: string;
  readonly dataDir: string;
  /** Everything it printed so far, line by line. */
  readonly lines: readonly string[];
  /** Gives the exit code. */
  stop(): Promise<number>;
  /** As a power cut would. */
  kill(): Promise<void>;
};

export type Logged = {
  readonly method: string;
  readonly repository?: string;
  /** A tag, a digest, or the kind of request. */
  readonly what: string;
  readonly status: number;
  /** Bytes of the request's body. */
  readonly received?: number;
  /** As in Cache-Status. */
  readonly cache?: string;
};

/**
 * `folder` takes its data and its certificate; a second start in the same folder is a restart.
 * `launcher` is a command that runs the one after it in its own place.
 */
export async function startEntrepot(
  folder: string,
  env: Environment = {},
  launcher: readonly string[] = [],
): Promise<Entrepot> {
  const port = Number(env.PORT ?? (await freePort()));
  const dataDir = env.DATA_DIR ?? join(folder, "data");
  const [program = "", ...args] = [...launcher, process.execPath, main];
  const service = new Service(program, args, {
    env: { ...plain(folder), PORT: String(port), DATA_DIR: dataDir, ...env },
    cwd: folder,
  });
  const proxy = `http://${env.HOST ?? "127.0.0.1"}:${port}`;
  await service.ready(async () => (await fetch(`${proxy}/readyz`)).ok);
  const trust = join(folder, "entrepot-ca.crt");
  await writeFile(trust, await (await fetch(`${proxy}/ca.crt`)).text());
  return {
    proxy,
    port,
    pid: service.pid,
    trust,
    dataDir,
    lines: service.lines,
    stop: () => service.stop(40_000),
    kill: () => service.kill(),
  };
}

/** What was asked of it, as its log has it. */
export function requestsIn(lines: readonly string[]): readonly Logged[] {
  return lines.filter((line) => line.includes('"msg":"request"')).map((line) => JSON.parse(line));
}

/** A start that is expected to end by itself, or any other command. */
export function runEntrepot(
  folder: string,
  env: Environment,
  args: readonly string[] = [],
): Promise<Run> {
  const options = { env: { ...plain(folder), ...env }, cwd: folder, limitMs: 20_000 };
  return run(process.execPath, [main, ...args], options);
}

function plain(folder: string): Environment {
  return { HOME: folder, HOST: "127.0.0.1", ADMIN_PORT: "0", LOG_FORMAT: "json" };
}
