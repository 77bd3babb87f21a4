/** Stops a process in the middle of whatever it does. */
import { readdirSync, readFileSync } from "node:fs";
import { eventually } from "./eventually.ts";

/** Resolves once none of its threads runs any more: a signal is on its way for a while. */
export async function standStill(pid: number): Promise<void> {
  process.kill(pid, "SIGSTOP");
  await eventually(() => statesOf(pid).every((state) => state === "T"));
}

/** Of each thread (proc(5), field 3 of stat); none of a process that is gone. */
function statesOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((thread) => {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8");
      return stat.charAt(stat.lastIndexOf(")") + 2);
    });
  } catch {
    return [];
  }
}
