import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "vitest";
import { eventually } from "../../support/eventually.ts";

const machine = join(import.meta.dirname, "machine.ts");

function isRunning(pid: string): boolean {
  const stat = `/proc/${pid}/stat`;
  return existsSync(stat) && !/^\d+ \(.*\) Z/.test(readFileSync(stat, "utf8"));
}

it("ends with the test that booted it, also when that is killed", async () => {
  const script = `import { startApart } from ${JSON.stringify(machine)};
    console.log(startApart(["sleep", "3600"]).pid);`;
  const test = spawn(process.execPath, ["--input-type=module", "--eval", script]);
  const [said] = await once(test.stdout.setEncoding("utf8"), "data");
  const pid = String(said).trim();
  let first = "";
  await eventually(() => {
    first = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return first !== "" && readFileSync(`/proc/${first}/comm`, "utf8") === "sleep\n";
  });
  test.kill("SIGKILL");
  await eventually(() => !isRunning(first));
});
