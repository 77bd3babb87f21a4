/** Once before the soak: builds the program. */
import { join } from "node:path";
import { runWell } from "../../journeys/support/program.ts";

export async function setup(): Promise<void> {
  const cwd = join(import.meta.dirname, "../../..");
  await runWell("npm", ["run", "build"], { cwd, env: { HOME: process.env.HOME ?? "/root" } });
}
