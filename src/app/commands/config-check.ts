/** `entrepot config check`: reads the settings as a start would, and shows what differs from the defaults. */

/** `lines` come without secrets. Resolves with the exit code. */
export async function checkConfig(
  describe: () => Promise<readonly string[]>,
  print: (line: string) => void,
): Promise<number> {
  const lines = await describe();
  for (const line of lines) print(line);
  print(lines.length === 0 ? "All settings are at their defaults." : "The settings are fine.");
  return 0;
}
