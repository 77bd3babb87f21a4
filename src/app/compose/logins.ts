/**
 * All logins of the operator's: those of the settings, then those of a docker config.json and its
 * helpers. Of two for the same host the first of that order stands.
 */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { CredentialEntry } from "../../upstream/auth/credential.ts";
import type { CredentialHelpers } from "../../upstream/auth/credential-helper.ts";
import {
  mergeEntries,
  parseDockerConfig,
  storeEntries,
} from "../../upstream/auth/docker-config.ts";
import { credentialEntries } from "../settings/derived.ts";
import { SettingsError } from "../settings/load.ts";
import type { Settings } from "../settings/settings.ts";

/** Everything, with DOCKER_CONFIG read now. Throws CredentialError or SettingsError. */
export async function allLogins(
  settings: Settings,
  helpers: Pick<CredentialHelpers, "list">,
): Promise<readonly CredentialEntry[]> {
  const path = settings.registries.dockerConfig;
  const own = credentialEntries(settings);
  if (path === undefined) return own;
  const file = await fileOf(path);
  const config = parseDockerConfig(await readConfig(file), file);
  const stored =
    config.store === undefined ? [] : storeEntries(config.store, await helpers.list(config.store));
  return mergeEntries(own, config.entries, stored);
}

/** DOCKER_CONFIG is a folder to docker, and a file to everybody else. */
async function fileOf(path: string): Promise<string> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return isFolder ? join(path, "config.json") : path;
}

async function readConfig(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unreadable";
    const remedy = "write the path of a readable config.json, or of its folder";
    const sentence = `DOCKER_CONFIG names ${path}, which cannot be read (${code}); ${remedy}`;
    throw new SettingsError([sentence], { cause });
  }
}
