/** Asks a running program by its socket, as commands do. */
import { askServer } from "../../../src/app/commands/control.ts";
import type { Collected } from "../../../src/hosted/gc/collector.ts";
import type { Program } from "./program.ts";

type Asking = Pick<Program, "dataDir">;

export function askControl({ dataDir }: Asking, path: string, body?: object): Promise<unknown> {
  const question = body === undefined ? { path } : { path, body, isLong: true };
  return askServer(
    { dataDir, settingsFile: undefined, envFile: undefined, environment: {} },
    question,
  );
}

export async function collectGarbage(program: Asking, asked: object = {}): Promise<Collected> {
  return (await askControl(program, "gc", asked)) as Collected;
}
