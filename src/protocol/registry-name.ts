/**
 * The one spelling under which a registry is known: records, rules and credentials all key on it.
 */
import { formatHostPort, type HostPort, parseHostPort } from "./http/host-port.ts";

declare const registryNameBrand: unique symbol;

/** Canonical `host[:port]`: lower case, no trailing dot, `:443` dropped, Docker Hub is `docker.io`. */
export type RegistryName = string & { readonly [registryNameBrand]: true };

export type Scheme = "https" | "http";

/** A registry and how it is spoken to. The same name over http and https is one registry. */
export type Registry = { readonly name: RegistryName; readonly scheme: Scheme };

const hubHosts: ReadonlySet<string> = new Set([
  "docker.io",
  "index.docker.io",
  "registry-1.docker.io",
]);

/** The canonical name of `host[:port]` (https unless a port says otherwise); undefined if malformed. */
export function canonicalRegistry(text: string, defaultPort = 443): RegistryName | undefined {
  const address = parseHostPort(text, defaultPort);
  return address === undefined ? undefined : registryNameOf(address);
}

/** The canonical name of a parsed address. */
export function registryNameOf(address: HostPort): RegistryName {
  const text = formatHostPort(address, 443);
  return (hubHosts.has(text) ? "docker.io" : text) as RegistryName;
}

/** Where the registry's API answers: Docker Hub's is at registry-1.docker.io. */
export function registryAddress(name: RegistryName): HostPort {
  if (name === "docker.io") return { host: "registry-1.docker.io", port: 443 };
  const address = parseHostPort(name, 443);
  if (address === undefined) throw new TypeError(`not a canonical registry name: ${name}`);
  return address;
}
