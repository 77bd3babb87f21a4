/**
 * All logins of the operator's: those of the settings, then those of a docker config.json and its
 * helpers. Of two for the same host the first of that order stands.
 */
import type { CredentialEntry } from "../../upstream/auth/credential.ts";
import type { CredentialHelpers } from "../../upstream/auth/credential-helper.ts";
import { mergeEntries, storeEntries } from "../../upstream/auth/docker-config.ts";
import { credentialEntries } from "../settings/derived.ts";
import { readDockerConfig } from "../settings/named-files.ts";
import type { Settings } from "../settings/settings.ts";

/** Everything, with DOCKER_CONFIG read now. Throws CredentialError or SettingsError. */
export async function allLogins(
  settings: Settings,
  helpers: Pick<CredentialHelpers, "list">,
): Promise<readonly CredentialEntry[]> {
  const path = settings.registries.dockerConfig;
  const own = credentialEntries(settings);
  if (path === undefined) return own;
  const config = await readDockerConfig(path);
  const stored =
    config.store === undefined ? [] : storeEntries(config.store, await helpers.list(config.store));
  return mergeEntries(own, config.entries, stored);
}
