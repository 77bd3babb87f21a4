/** Keeps secrets out of sight: which ones there are, and the settings as they may be shown. */
import { credentialEntries, proxySettings } from "./derived.ts";
import type { Loaded } from "./load.ts";
import type { Group, Setting } from "./setting.ts";
import { allSettings, groups, type Settings } from "./settings.ts";

/** Every secret the settings hold, for the log to mask should one ever come its way. */
export function secretsOf(settings: Settings): readonly string[] {
  const { access, authority, listen } = settings;
  const logins = credentialEntries(settings).flatMap(({ login }) => {
    if (login.kind === "identity") return [login.token];
    if (login.kind === "helper") return [];
    return [login.password, basic(`${login.user}:${login.password}`)];
  });
  const proxyLogins = (access.proxyAuth ?? []).flatMap((login) => [
    login.slice(login.indexOf(":") + 1),
    basic(login),
  ]);
  const { https, http, perRegistry } = proxySettings(settings);
  const proxies = [https, http, ...perRegistry.values()].flatMap((proxy) =>
    typeof proxy === "object" && proxy.authorization !== undefined
      ? secretsOfBasic(proxy.authorization)
      : [],
  );
  const own = [listen.adminToken, authority.keyPassphrase, authority.tokenSecret];
  const all = [...logins, ...proxyLogins, ...proxies, ...own];
  return [...new Set(all.filter((secret) => secret !== undefined && secret !== ""))] as string[];
}

/** One line for each setting that is not at its default: `PORT=3128 (environment)`. */
export function describeSettings({ settings, origins }: Loaded): readonly string[] {
  const values = new Map<Setting<unknown>, unknown>();
  for (const [name, group] of Object.entries<Group>(groups)) {
    for (const [key, setting] of Object.entries(group.settings)) {
      values.set(
        setting,
        (settings as Readonly<Record<string, Readonly<Record<string, unknown>>>>)[name]?.[key],
      );
    }
  }
  return allSettings()
    .filter(({ name }) => (origins.get(name) ?? "default") !== "default")
    .map((setting) => {
      const value = setting.isSecret ? "(secret)" : printed(values.get(setting));
      return `${setting.name}=${value} (${origins.get(setting.name)})`;
    });
}

function printed(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value, withoutLogins);
}

/** A registry's own proxy may carry a login. */
function withoutLogins(key: string, value: unknown): unknown {
  return key === "authorization" && value !== undefined ? "(secret)" : value;
}

function basic(login: string): string {
  return Buffer.from(login).toString("base64");
}

function secretsOfBasic(authorization: string): readonly string[] {
  const encoded = authorization.replace(/^basic\s+/i, "");
  const login = Buffer.from(encoded, "base64").toString();
  return [encoded, login.slice(login.indexOf(":") + 1)];
}
