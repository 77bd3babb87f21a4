/**
 * What comes along with the program's code: files beside it or, in a single executable, the texts that
 * it carries under the files' own names.
 */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { getAsset, isSea } from "node:sea";
import { Worker, type WorkerOptions } from "node:worker_threads";

/** Whether this program and its Node are one file, which runs nothing else. */
export const isSingleExecutable = isSea();

/** The text of a file by its name; `where` it is if there are files. Throws what reading throws. */
export function carriedText(name: string, where: () => string): string {
  return isSingleExecutable ? getAsset(name, "utf8") : readFileSync(new URL(where()), "utf8");
}

/** Megabytes of new objects: a thread of ours makes few, and is not to let them pile up. */
const newObjects = 6;

/** A thread of its own that runs `file`, written in this program's source. Throws what `Worker` throws. */
export function startThread(file: URL, data?: unknown): Worker {
  const resourceLimits = { maxYoungGenerationSizeMb: newObjects };
  const options: WorkerOptions = { workerData: data, env: {}, execArgv: [], resourceLimits };
  if (!isSingleExecutable) return new Worker(file, options);
  const module = Buffer.from(getAsset(threadName(file))).toString("base64");
  return new Worker(new URL(`data:text/javascript;base64,${module}`), options);
}

function threadName(file: URL): string {
  return basename(file.pathname).replace(/\.ts$/, ".js");
}
