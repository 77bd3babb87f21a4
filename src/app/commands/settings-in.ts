/** The settings that a start here would have, for a command that knows only where they are. */
import { readFile } from "node:fs/promises";
import { Environment } from "../environment.ts";
import { loadAll } from "../old-setup.ts";
import type { Settings } from "../settings/settings.ts";

export type SettingsSources = {
  readonly settingsFile: string | undefined;
  readonly envFile: string | undefined;
  readonly environment: NodeJS.ProcessEnv;
};

/** `flags` by the names of their settings. Throws SettingsError. */
export async function settingsIn(
  { settingsFile, envFile, environment }: SettingsSources,
  flags: readonly (readonly [string, string])[],
): Promise<Settings> {
  await new Environment(environment).read(envFile);
  const { settings } = await loadAll({
    flags: new Map(flags),
    environment,
    settingsFile: settingsFile ?? (environment.CONFIG_FILE || undefined),
    readFile: (path) => readFile(path, "utf8"),
  });
  return settings;
}
