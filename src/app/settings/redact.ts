/** Keeps secrets out of sight: which ones there are, and the settings as they may be shown. */
import { credentialEntries, proxySettings } from "./derived.ts";
import type { Raw } from "./kind.ts";
import type { Loaded } from "./load.ts";
import { allSettings, type Settings } from "./settings.ts";

/** Every secret the settings hold, for the log to mask should one ever come its way. */
export function secretsOf(settings: Settings): readonly string[] {
  const { access, authority, listen, mirror, records, store } = settings;
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
  const own = [authority.keyPassphrase, authority.tokenSecret, mirror.cloudflareApiToken].concat(
    listen.adminToken,
    listen.adminReadToken,
    records.place.kind === "sqlite" ? undefined : records.place.server.password,
    store.secretKey,
    store.registrySecretKey,
  );
  const all = [...logins, ...proxyLogins, ...proxies, ...own];
  return [...new Set(all.filter((secret) => secret !== undefined && secret !== ""))] as string[];
}

/** One line for each setting that is not at its default: `PORT=3130 (environment)`. */
export function describeSettings({
  origins,
  written,
}: Pick<Loaded, "origins" | "written">): readonly string[] {
  return allSettings()
    .filter(({ name }) => (origins.get(name) ?? "default") !== "default")
    .map(({ name, isSecret }) => {
      const value = isSecret ? "(secret)" : printed(written.get(name));
      return `${name}=${value} (${origins.get(name)})`;
    });
}

/** A line break would end the line, and blanks at the edges are seen in quotes alone. */
const isHardToSee = /[\p{Cc}\u2028\u2029]|^\s|\s$/u;

function printed(value: Raw): string {
  const shown = shownValue(value);
  return typeof shown === "string" && !isHardToSee.test(shown) ? shown : JSON.stringify(shown);
}

/** The same without the logins of proxies. */
export function shownValue(value: Raw): Raw {
  if (typeof value === "string") return withoutLogin(value);
  return value === undefined ? value : JSON.parse(JSON.stringify(value, withoutLogins));
}

/** A registry's own proxy may carry a login. */
function withoutLogins(key: string, value: unknown): unknown {
  if (typeof value !== "string") return value;
  return key === "proxy" ? value.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, "$1(secret)@") : value;
}

/** Of an address, wherever it stands. */
function withoutLogin(text: string): string {
  return text.replace(/(:\/\/)[^\s/@]*@/g, "$1(secret)@");
}

function basic(login: string): string {
  return Buffer.from(login).toString("base64");
}

function secretsOfBasic(authorization: string): readonly string[] {
  const encoded = authorization.replace(/^basic\s+/i, "");
  const login = Buffer.from(encoded, "base64").toString();
  return [encoded, login.slice(login.indexOf(":") + 1)];
}
