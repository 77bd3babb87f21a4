/** One transfer by curl on the clients' core: independent of our own code, and fast enough to measure nginx. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { ports, type Scene } from "./scene.ts";

const run = promisify(execFile);

export type Transfer = {
  readonly seconds: number;
  /** From the request being sent on an established connection to its first byte. */
  readonly firstByteMs: number;
  readonly bytes: number;
  readonly status: number;
};

const format =
  "%{http_code} %{size_download} %{time_total} %{time_pretransfer} %{time_starttransfer} %{errormsg}";

/** On the clients' core, or on any. */
export async function curl(args: readonly string[], cores = "1"): Promise<Transfer> {
  const all = ["-c", cores, "curl", "-sS", "-o", "/dev/null", "-w", format, ...args];
  const { stdout } = await run("taskset", all);
  const [status, bytes, total, before, first] = stdout.split(" ").map(Number);
  return {
    seconds: (total ?? 0) - (before ?? 0),
    firstByteMs: ((first ?? 0) - (before ?? 0)) * 1000,
    bytes: bytes ?? 0,
    status: status ?? 0,
  };
}

/** Through Entrepot's forward proxy, trusting its CA. */
export function throughProxy(scene: Scene, path: string, range?: string): Promise<Transfer> {
  const url = `https://127.0.0.1:${ports.upstream}${path}`;
  const ca = `${scene.folder}/data/ca/ca.crt`;
  return curl([
    ...rangeOf(range),
    "-x",
    `http://127.0.0.1:${ports.entrepot}`,
    "--cacert",
    ca,
    "-A",
    "Go-http-client/1.1",
    url,
  ]);
}

/** Straight to a TLS server of the bench. */
export function direct(
  scene: Scene,
  port: number,
  path: string,
  range?: string,
): Promise<Transfer> {
  const url = `https://127.0.0.1:${port}${path}`;
  return curl([...rangeOf(range), "--cacert", `${scene.folder}/ca.crt`, url]);
}

function rangeOf(range: string | undefined): readonly string[] {
  return range === undefined ? [] : ["-r", range];
}

/** Over plain HTTP. */
export function plain(port: number, path: string): Promise<Transfer> {
  return curl([`http://127.0.0.1:${port}${path}`]);
}
