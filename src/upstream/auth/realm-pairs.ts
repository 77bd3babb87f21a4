/**
 * Which token host belongs to which registry: the same host and port, a pair of the built-in table or
 * of the operator's, or two hosts the operator named himself under one domain. Always by equality of
 * canonical names: whatever a registry claims beyond that gets neither credential nor token.
 */
import { getPublicSuffix } from "tldts";
import type { HostPort } from "../../protocol/http/host-port.ts";
import { isAddress } from "../../protocol/http/host-port.ts";
import type { RealmPair } from "../../protocol/known-registries.ts";
import {
  calledName,
  canonicalRegistry,
  type RegistryName,
  registryAddress,
  registryNameOf,
} from "../../protocol/registry-name.ts";

export type RealmPairsOptions = {
  /** The built-in table. */
  readonly known: readonly RealmPair[];
  /** `AUTH_REALMS`, as `parseAuthRealms` reads it. */
  readonly configured?: readonly RealmPair[];
  /** Hosts the operator named: REGISTRIES without wildcards, AUTH_REGISTRIES. */
  readonly named?: readonly HostPort[];
};

/** Where strangers live door to door, though the public suffix list does not know it. */
const zonesOfStrangers: ReadonlySet<string> = new Set(
  `amazonaws.com azure.com azurecr.io googleusercontent.com linode.com nip.io pkg.dev railway.app
  scw.cloud sslip.io windows.net`.split(/\s+/),
);

export class RealmPairs {
  readonly #tokenHosts = new Map<RegistryName, Set<RegistryName>>();
  readonly #configured: readonly RealmPair[];
  #named: ReadonlySet<RegistryName> = new Set();

  constructor(options: RealmPairsOptions) {
    this.#configured = options.configured ?? [];
    for (const pair of [...options.known, ...this.#configured]) this.#add(pair);
    this.setNamed(options.named ?? []);
  }

  /** Takes the place of the named hosts so far, when settings are read again. */
  setNamed(named: readonly HostPort[]): void {
    this.#named = new Set(named.map(registryNameOf));
  }

  isNamed(registry: RegistryName): boolean {
    return this.#named.has(registry);
  }

  /** `AUTH_REALMS` as it is, and this pair besides. */
  settingWith(registry: RegistryName, tokenHost: HostPort): string {
    const pairs = [...this.#configured, { registry, tokenHost: registryNameOf(tokenHost) }];
    const texts = pairs.map((pair) => `${pair.registry}=${pair.tokenHost}`);
    return `AUTH_REALMS="${texts.join(" ")}"`;
  }

  /** Whether tokens of this registry may come from there. */
  arePaired(registry: RegistryName, tokenHost: HostPort): boolean {
    const host = registryNameOf(tokenHost);
    const own = calledName(registry);
    if (host === own) return true;
    if (this.#tokenHosts.get(own)?.has(host) === true) return true;
    return this.#areSiblings(own, host);
  }

  /** The registries whose tokens may come from this host, itself first. */
  registriesOf(tokenHost: RegistryName): readonly RegistryName[] {
    const found = new Set([tokenHost]);
    for (const [registry, hosts] of this.#tokenHosts) if (hosts.has(tokenHost)) found.add(registry);
    for (const name of this.#named) if (this.#areSiblings(name, tokenHost)) found.add(name);
    return [...found];
  }

  #add(pair: RealmPair): void {
    const registry = canonicalRegistry(pair.registry);
    const host = canonicalRegistry(pair.tokenHost);
    if (registry === undefined || host === undefined) return;
    const hosts = this.#tokenHosts.get(registry) ?? new Set();
    this.#tokenHosts.set(registry, hosts.add(host));
  }

  #areSiblings(one: RegistryName, other: RegistryName): boolean {
    if (!this.#named.has(one) || !this.#named.has(other)) return false;
    const domain = commonDomain(registryAddress(one).host, registryAddress(other).host);
    return domain.length > 1 && !isPublicSuffix(domain);
  }
}

/** Reads one pair of `AUTH_REALMS`: `reg.example.com=git.example.com`; undefined when it is none. */
export function parseAuthRealm(text: string): RealmPair | undefined {
  const [registry, tokenHost, ...rest] = text.split("=").map((name) => canonicalRegistry(name));
  const isPair = registry !== undefined && tokenHost !== undefined && rest.length === 0;
  return isPair ? { registry, tokenHost } : undefined;
}

/** The labels both hosts end in; nothing for addresses. A host counts as being under itself. */
function commonDomain(one: string, other: string): string[] {
  if (isAddress(one) || isAddress(other)) return [];
  const ones = one.split(".").reverse();
  const others = other.split(".").reverse();
  const length = ones.findIndex((label, index) => label !== others[index]);
  return ones.slice(0, length === -1 ? ones.length : length).reverse();
}

/** The list's private section counts too: it is where hosting companies say that tenants are strangers. */
function isPublicSuffix(domain: readonly string[]): boolean {
  if (zonesOfStrangers.has(domain.slice(-2).join("."))) return true;
  const name = domain.join(".");
  return getPublicSuffix(name, { allowPrivateDomains: true }) === name;
}
