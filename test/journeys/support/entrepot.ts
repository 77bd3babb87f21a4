/** The built program as a child process, set up by environment as an operator would. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
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

/** `folder` takes its data and its certificate; a second start in the same folder is a restart. */
export async function startEntrepot(folder: string, env: Environment = {}): Promise<Entrepot> {
  const port = await freePort();
  const dataDir = env.DATA_DIR ?? join(folder, "data");
  const service = new Service(process.execPath, [main], {
    env: { ...plain(folder), PORT: String(port), DATA_DIR: dataDir, ...env },
    cwd: folder,
  });
  const proxy = `http://127.0.0.1:${port}`;
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
  return { HOME: folder, HOST: "127.0.0.1", LOG_FORMAT: "json" };
}
