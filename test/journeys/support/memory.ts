/** A process's resident memory, as Linux counts it (proc(5)). */
import { readFile, writeFile } from "node:fs/promises";

/** Starts counting; the call of what it gives ends in the MiB by which memory had grown at its peak. */
export async function watchGrowth(pid: number): Promise<() => Promise<number>> {
  // 5 sets the peak back to what is resident now.
  await writeFile(`/proc/${pid}/clear_refs`, "5");
  const before = await read(pid, "VmRSS");
  return async () => (await read(pid, "VmHWM")) - before;
}

async function read(pid: number, field: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const [, kilobytes] = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status) ?? [];
  return Number(kilobytes) / 1_024;
}
