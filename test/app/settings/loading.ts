/** Loads settings as a start would, from what a test writes instead of files and the environment. */
import { expect } from "vitest";
import { type Loaded, loadSettings } from "../../../src/app/settings/load.ts";
import type { Settings } from "../../../src/app/settings/settings.ts";
import { SettingsError } from "../../../src/app/settings/settings-error.ts";

export type Written = {
  readonly flags?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  /** The content of `settings.yaml`. */
  readonly yaml?: string;
  readonly files?: Readonly<Record<string, string>>;
};

export function load({ flags = {}, environment = {}, yaml, files = {} }: Written): Promise<Loaded> {
  const contents = new Map(
    Object.entries({ ...files, ...(yaml ? { "settings.yaml": yaml } : {}) }),
  );
  return loadSettings({
    flags: new Map(Object.entries(flags)),
    environment,
    settingsFile: yaml === undefined ? undefined : "settings.yaml",
    readFile: async (path) => {
      const content = contents.get(path);
      if (content === undefined) throw Object.assign(new Error("none"), { code: "ENOENT" });
      return content;
    },
  });
}

export async function settingsFrom(
  environment: Readonly<Record<string, string>>,
): Promise<Settings> {
  return (await load({ environment })).settings;
}

export async function settingsFromYaml(yaml: string): Promise<Settings> {
  return (await load({ yaml })).settings;
}

/** The sentences with which the settings are refused. */
export async function problemsOf(written: Written): Promise<readonly string[]> {
  try {
    await load(written);
  } catch (error) {
    expect(error).toBeInstanceOf(SettingsError);
    return (error as SettingsError).problems;
  }
  return [];
}
