/** `entrepot config check`: the settings as a start would read them, or as the server that runs has them. */
import { askServer } from "./control.ts";

export type CheckedConfig = {
  /** What differs from the defaults, without secrets. */
  readonly lines: readonly string[];
  readonly warnings: readonly string[];
};

/** Resolves with the exit code. */
export async function checkConfig(
  describe: () => Promise<CheckedConfig>,
  print: (line: string) => void,
): Promise<number> {
  const { lines, warnings } = await describe();
  for (const line of lines) print(line);
  for (const warning of warnings) print(`Mind: ${warning}`);
  if (lines.length > 0) print("The settings are fine.");
  else if (warnings.length === 0) print("All settings are at their defaults.");
  else print(`So ${nothingTaken}`);
  return 0;
}

const nothingTaken =
  "all settings are at their defaults; entrepot init --from FILE reads those of what ran before.";

export type RunningCheck = {
  readonly dataDir: string;
  /** What a start here would have, without secrets. */
  readonly lines: readonly string[];
  readonly print: (line: string) => void;
};

/** What the server was started with, beside what a start here would have. Throws AskError. */
export async function checkRunning({ dataDir, lines, print }: RunningCheck): Promise<number> {
  const at = { dataDir, settingsFile: undefined, envFile: undefined, environment: {} };
  const told = (await askServer(at, { path: "settings" })) as { readonly lines: readonly string[] };
  for (const line of told.lines) print(line);
  const theirs = new Set(told.lines.map(withoutOrigin));
  const ours = new Set(lines.map(withoutOrigin));
  const here = [...ours].filter((line) => !theirs.has(line));
  const there = [...theirs].filter((line) => !ours.has(line));
  if (here.length + there.length === 0) {
    print("A start here would have the same settings.");
    return 0;
  }
  print("A start here would have other ones:");
  for (const line of here) print(`  with ${line}`);
  for (const line of there) print(`  without ${line}`);
  return 0;
}

/** Where a value comes from is no difference. */
function withoutOrigin(line: string): string {
  return line.replace(/ \([a-z ]+\)$/, "");
}
