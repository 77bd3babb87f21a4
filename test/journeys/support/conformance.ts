/** The OCI distribution-spec's own conformance program, and what it says. */
import { mkdir } from "node:fs/promises";
import { expect } from "vitest";
import { type Environment, run } from "./program.ts";

export type Judged = {
  /** How many tests ended so. */
  readonly figure: (name: "Pass" | "FAIL" | "Skip" | "Disabled" | "Error") => number;
  readonly stdout: string;
};

/** Runs it in this folder, which is made. Its exit code says nothing: 0 also when nothing ran. */
export async function judge(folder: string, env: Environment): Promise<Judged> {
  await mkdir(folder, { recursive: true });
  const { stdout } = await run("oci-conformance", [], {
    cwd: folder,
    env: { OCI_VERSION: "dev", ...env },
    limitMs: 170_000,
  });
  const figure: Judged["figure"] = (name) =>
    Number(new RegExp(`^\\s*${name}\\.+:\\s+(\\d+)`, "m").exec(stdout)?.[1] ?? Number.NaN);
  return { figure, stdout };
}

export function expectNoFailure({ figure, stdout }: Judged): void {
  const failed = stdout.split("\n").filter((line) => /\b(?:FAIL|Error)\b/.test(line));
  expect([figure("FAIL"), figure("Error")], failed.join("\n")).toEqual([0, 0]);
}
