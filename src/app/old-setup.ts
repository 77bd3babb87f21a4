/** The settings, of which a file of a set-up that is replaced may be the source: OLD_SETUP names it. */
import { type Loaded, loadSettings, type SettingSources } from "./settings/load.ts";
import { SettingsError } from "./settings/settings-error.ts";

/** Throws SettingsError. */
export async function loadAll(sources: SettingSources): Promise<Loaded> {
  const { environment, readFile, settingsFile } = sources;
  const path = environment.OLD_SETUP ?? "";
  if (path === "") return await loadSettings(sources);
  if (settingsFile !== undefined) {
    throw new SettingsError(["OLD_SETUP and CONFIG_FILE are both set; keep one of them"]);
  }
  // Few have one, and it is not little.
  const { oldSettings, withOldSecrets } = await import("./commands/init/at-start.ts");
  const old = oldSettings(path, await contentOf(path, readFile));
  const loaded = await loadSettings({
    ...sources,
    environment: withOldSecrets(environment, old.secrets),
    settingsFile: path,
    readFile: (one) => (one === path ? Promise.resolve(old.text) : readFile(one)),
  });
  return { ...loaded, warnings: [...old.warnings, ...loaded.warnings] };
}

async function contentOf(path: string, readFile: SettingSources["readFile"]): Promise<string> {
  try {
    return await readFile(path);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unreadable";
    const sentence = `OLD_SETUP names ${path}, which cannot be read (${code}); write the path of a readable file`;
    throw new SettingsError([sentence], { cause });
  }
}
