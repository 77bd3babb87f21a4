/** How many connections and uploads the system's limit of open files has room for. */
import { readFile } from "node:fs/promises";

/** Listeners, databases, worker threads, what is kept open to registries. */
const ours = 128;
/** A client's socket, one to a registry, and a file. */
const perConnection = 3;
const most = 10_000;

/** An eighth may be uploads to the registry here, which stay open without a connection once a byte has come. */
const mostUploads = 1_000;

type RoomForFiles = { readonly connections: number; readonly uploads: number };

/** Of a limit, as `/proc/self/limits` has it; all where nobody says one. */
export function roomWithin(limits: string): RoomForFiles {
  const files = Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Number.NaN);
  if (Number.isNaN(files)) return { connections: most, uploads: mostUploads };
  const uploads = Math.min(mostUploads, Math.floor(files / 8));
  const connections = Math.floor((files - ours - uploads) / perConnection);
  return { uploads, connections: Math.max(ours, Math.min(most, connections)) };
}

/** Of this process. */
export async function roomForFiles(): Promise<RoomForFiles> {
  return roomWithin(await readFile("/proc/self/limits", "utf8").catch(() => ""));
}
