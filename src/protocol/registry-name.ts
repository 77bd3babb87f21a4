/**
 * The one spelling under which a registry is known: records, rules and credentials all key on it.
 */
import { formatHostPort, type HostPort, parseHostPort } from "./http/host-port.ts";

declare const registryNameBrand: unique symbol;

/**
 * Canonical `host[:port]`: lower case, no trailing dot, `:443` dropped, Docker Hub is `docker.io`. What is
 * spoken to in plain HTTP is another registry, whoever answers there: `http://host:port`.
 */
export type RegistryName = string & { readonly [registryNameBrand]: true };

export type Scheme = "https" | "http";

/** A registry and how it is spoken to, which is part of its name. */
export type Registry = { readonly name: RegistryName; readonly scheme: Scheme };

const hubHosts: ReadonlySet<string> = new Set([
  "docker.io",
  "index.docker.io",
  "registry-1.docker.io",
]);
const plainPrefix = "http://";

/** The canonical name of `host[:port]` (https unless a port says otherwise); undefined if malformed. */
export function canonicalRegistry(text: string, defaultPort = 443): RegistryName | undefined {
  const address = parseHostPort(text, defaultPort);
  return address === undefined ? undefined : registryNameOf(address);
}

/** The canonical name of what speaks TLS at a parsed address. */
export function registryNameOf(address: HostPort): RegistryName {
  const text = formatHostPort(address, 443);
  return (hubHosts.has(text) ? "docker.io" : text) as RegistryName;
}

/** The registry at an address, spoken to so. */
export function registryAt(address: HostPort, scheme: Scheme): Registry {
  if (scheme === "https") return { name: registryNameOf(address), scheme };
  return { name: `${plainPrefix}${formatHostPort(address)}` as RegistryName, scheme };
}

/** The web site at an address, for what is no registry request: Docker Hub's names are several sites. */
export function siteAt(address: HostPort, scheme: Scheme): Registry {
  if (scheme === "http") return registryAt(address, scheme);
  return { name: formatHostPort(address, 443) as RegistryName, scheme };
}

/** Reads a canonical name again, as it was written down; undefined if it is none. */
export function parseRegistryName(text: string): Registry | undefined {
  const scheme = text.startsWith(plainPrefix) ? "http" : "https";
  const address = parseHostPort(withoutScheme(text), 443);
  const registry = address === undefined ? undefined : registryAt(address, scheme);
  return registry?.name === text ? registry : undefined;
}

/** Where the registry's API answers: Docker Hub's is at registry-1.docker.io. */
export function registryAddress(name: RegistryName): HostPort {
  if (name === "docker.io") return { host: "registry-1.docker.io", port: 443 };
  const address = parseHostPort(withoutScheme(name), 443);
  if (address === undefined) throw new TypeError(`not a canonical registry name: ${name}`);
  return address;
}

/** What clients call a registry, whatever it speaks: no image name says how it is reached. */
export function calledName(name: RegistryName): RegistryName {
  return withoutScheme(name) as RegistryName;
}

function withoutScheme(name: string): string {
  return name.startsWith(plainPrefix) ? name.slice(plainPrefix.length) : name;
}
