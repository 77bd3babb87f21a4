/** The process with the clients: one job over its IPC channel, told about there too. */
import { runHerd, runStop } from "./herd.ts";
import type { Job, Told } from "./jobs.ts";
import { Mixed } from "./mixed.ts";

const tell = (told: Told): void => {
  process.send?.(told);
};

let mixed: Mixed | undefined;

async function take(job: Job | "stop"): Promise<void> {
  if (job === "stop") {
    if (mixed !== undefined) tell({ kind: "mixed", report: await mixed.stop() });
    return;
  }
  switch (job.kind) {
    case "herd":
      return tell({ kind: "herd", report: await runHerd(job, tell) });
    case "stop":
      await runStop(job);
      return tell({ kind: "stopped" });
    case "mixed":
      mixed = new Mixed(job);
  }
}

process.on("message", (message) => void take(message as Job | "stop"));
process.once("disconnect", () => process.exit(0));
