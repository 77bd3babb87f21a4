/** `entrepot config check`: reads the settings as a start would, and shows what differs from the defaults. */

export type CheckedConfig = {
  /** Without secrets. */
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
