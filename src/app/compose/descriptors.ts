/** How many connections the system's limit of open files has room for. */
import { readFile } from "node:fs/promises";

/** Listeners, databases, worker threads, what is kept open to registries. */
const ours = 128;
/** A client's socket, one to a registry, and a file. */
const perConnection = 3;
const most = 10_000;

/** Of a limit, as `/proc/self/limits` has it; all where nobody says one. */
export function connectionsWithin(limits: string): number {
  const files = Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Number.NaN);
  if (Number.isNaN(files)) return most;
  return Math.max(ours, Math.min(most, Math.floor((files - ours) / perConnection)));
}

/** Of this process. */
export async function mostConnections(): Promise<number> {
  return connectionsWithin(await readFile("/proc/self/limits", "utf8").catch(() => ""));
}
