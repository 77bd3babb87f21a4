/** What follows from several settings together. */

import { hostMatcher } from "../../protocol/host-pattern.ts";
import { formatHostPort, parseHostPort } from "../../protocol/http/host-port.ts";
import {
  canonicalRegistry,
  type Registry,
  type RegistryName,
  registryAddress,
  registryAt,
} from "../../protocol/registry-name.ts";
import { parseAuthRegistries, refuseDuplicates } from "../../upstream/auth/auth-registries.ts";
import type { CredentialEntry } from "../../upstream/auth/credential.ts";
import {
  CorporateProxies,
  type CorporateProxy,
  type ProxySettings,
} from "../../upstream/net/corporate-proxy.ts";
import type { MirrorUpstream } from "./mirror-kinds.ts";
import type { Settings } from "./settings.ts";

/** Every login of AUTH_REGISTRIES and CONFIG. Throws CredentialError with a sentence. */
export function credentialEntries({ registries, mirror }: Settings): readonly CredentialEntry[] {
  const { authRegistries, authRegistriesDelimiter, authRegistryDelimiter } = registries;
  const written = (authRegistries?.texts ?? []).flatMap(({ text, isOneEntry }) =>
    parseAuthRegistries(text, {
      // No entry of a YAML list holds a line break in its middle.
      entries: isOneEntry ? "\n" : authRegistriesDelimiter,
      fields: authRegistryDelimiter,
    }),
  );
  const { configUser: user, configPassword: password } = mirror;
  const inherited = user === undefined || password === undefined ? undefined : { user, password };
  const configured = mirror.config.flatMap(({ registry, remote, login = inherited }) => {
    if (login === undefined) return [];
    const address = registryAddress((remote ?? registry).name);
    return [{ address, login: { kind: "password" as const, ...login } }];
  });
  const entries = [...written, ...(authRegistries?.entries ?? []), ...configured];
  refuseDuplicates(entries);
  return entries;
}

/**
 * Patterns of REGISTRIES, hosts with a login, and what the mirror stands for: all that was named. Once
 * DOCKER_CONFIG is read its hosts are among `logins`.
 */
export function namedRegistries(
  settings: Settings,
  logins: readonly Pick<CredentialEntry, "address">[] = credentialEntries(settings),
): readonly string[] {
  const { registries, mirror } = settings;
  const upstreams = [
    ...mirror.hosts.flatMap(({ registry }) => registry ?? []),
    ...mirror.config.flatMap(({ registry, remote }) => [registry, ...(remote ? [remote] : [])]),
    ...(mirror.default ? [mirror.default] : []),
  ];
  const names = [
    ...registries.registries.map((each) => each.pattern),
    ...logins.map((each) => formatHostPort(each.address, 443)),
    ...upstreams.map((each) => formatHostPort(registryAddress(each.name), 443)),
  ];
  return [...new Set(names)];
}

/** Patterns of all hosts that are intercepted for being named, token hosts too. */
export function interceptedHosts(settings: Settings, named: readonly string[]): readonly string[] {
  const { authRealms } = settings.registries;
  const realms = authRealms.flatMap((pair) => [String(pair.registry), String(pair.tokenHost)]);
  return [...named, ...realms];
}

/** The registry meant by a request to the mirror that names none, as its clients call it. */
export function defaultRegistry({ mirror }: Settings): Registry {
  const hub: Registry = { name: "docker.io" as RegistryName, scheme: "https" };
  return mirror.default ?? mirror.config[0]?.registry ?? hub;
}

/** Patterns of the hosts that were written with http://, and are spoken to so. */
export function plainRegistries({ registries, mirror }: Settings): readonly string[] {
  const written = registries.registries.filter(({ scheme }) => scheme === "http");
  const upstreams = [
    ...mirror.hosts.map((each) => each.registry),
    ...mirror.config.map(({ registry, remote }) => remote ?? registry),
    ...(mirror.default ? [mirror.default] : []),
  ].filter((upstream) => upstream?.scheme === "http");
  return [
    ...written.map(({ pattern }) => pattern),
    ...upstreams.flatMap((one) => (one ? [formatHostPort(registryAddress(one.name))] : [])),
  ];
}

/** How a registry is reached where its clients do not say: over https, unless REGISTRIES has it with http://. */
export function spokenTo({ registries }: Settings): (registry: Registry) => Registry {
  const entries = registries.registries.map((entry) => ({
    ...entry,
    matches: hostMatcher([entry.pattern]),
  }));
  return (registry) => {
    const { host, port } = registryAddress(registry.name);
    const named = entries.find(({ matches }) => matches({ host, port }));
    if (registry.scheme === "http" || named?.scheme !== "http") return registry;
    // What clients call reg.lan is http://reg.lan here, which is at port 80.
    const isUsual = port === 443 && !named.pattern.endsWith(":443");
    return registryAt({ host, port: isUsual ? 80 : port }, "http");
  };
}

/** Registries whose clients log in themselves. */
export function ownLoginRegistries({ registries }: Settings): ReadonlySet<RegistryName> {
  const names = registries.registries
    .filter((each) => each.hasOwnLogin)
    .map((each) => canonicalRegistry(each.pattern));
  return new Set(names.filter((name) => name !== undefined));
}

/** Whether what listens there is reached from this machine alone. */
export function isOnLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(?:\.\d{1,3}){3}$/.test(host);
}

export function proxySettings(settings: Settings): ProxySettings {
  const { httpsProxy: https, httpProxy: http, noProxy: except } = settings.upstream;
  const perRegistry = new Map(settings.mirror.config.flatMap((entry) => wayOut(entry, settings)));
  for (const { pattern, scheme, proxy } of settings.registries.registries) {
    const address = parseHostPort(pattern, scheme === "http" ? 80 : 443);
    if (address === undefined || proxy === undefined) continue;
    perRegistry.set(registryAt(address, scheme).name, proxy);
  }
  return { https, http, except, perRegistry };
}

/** Of a registry whose variables say one; what they leave out is as for every registry. */
function wayOut(
  { registry, remote = registry, proxies }: MirrorUpstream,
  { upstream }: Settings,
): readonly (readonly [RegistryName, CorporateProxy | "direct"])[] {
  if (proxies === undefined) return [];
  const { name, scheme } = remote;
  const own = new CorporateProxies({
    https: proxies.https ?? upstream.httpsProxy,
    http: proxies.http ?? upstream.httpProxy,
    except: proxies.except ?? upstream.noProxy,
    perRegistry: new Map(),
  });
  return [[name, own.for(scheme, registryAddress(name), undefined) ?? "direct"]];
}
