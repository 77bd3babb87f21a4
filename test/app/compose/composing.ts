/** What tests of the composition share: settings from a map, a log that is kept, a folder that goes. */
import { createLog, type Log } from "../../../src/app/log.ts";
import { loadSettings } from "../../../src/app/settings/load.ts";
import type { Settings } from "../../../src/app/settings/settings.ts";
import { temporaryFolder } from "../../support/temp-folder.ts";

export async function settingsWith(
  environment: Readonly<Record<string, string>> = {},
): Promise<Settings> {
  const { settings } = await loadSettings({
    flags: new Map(),
    environment: {
      HOST: "127.0.0.1",
      ADMIN_PORT: "0",
      DATA_DIR: await temporaryFolder(),
      ...environment,
    },
    settingsFile: undefined,
    readFile: () => Promise.reject(new Error("there are no files")),
  });
  return settings;
}

export function keptLog(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  const log = createLog({ level: "debug", format: "json", hasColours: false, secrets: [], write });
  return { log, lines };
}
