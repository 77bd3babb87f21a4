/**
 * May this be dialled? The one check that every upstream connection passes: names and ports before
 * the resolver is asked, then each address it gives. Throws FORBIDDEN with a sentence for the client
 * (ASCII, at most 120 bytes, fit for a reason phrase) that names the setting which would allow it.
 */
import { BlockList, isIPv4, isIPv6 } from "node:net";
import { type HostMatcher, hostMatcher } from "../../protocol/host-pattern.ts";
import { formatHostPort, type HostPort, isAddress } from "../../protocol/http/host-port.ts";
import { type RegistryName, registryAddress } from "../../protocol/registry-name.ts";
import { UpstreamError } from "../upstream-error.ts";
import { type AddressKind, addressKind, isWildcard } from "./address-kind.ts";

export type DestinationRules = {
  /** `host`, `host:port` or `*.suffix`, as the operator named registries in the settings. */
  readonly named: readonly string[];
  /** CIDRs, or single addresses, that are allowed whatever they are. */
  readonly allowedAddresses: readonly string[];
  /** Ports besides 443 and 80 that tunnels may reach. */
  readonly tunnelPorts: readonly number[];
  /** Where this process listens; asked each time, since ports are known only once it does. */
  readonly ownListeners: () => readonly HostPort[];
  /** Addresses of this machine's interfaces. */
  readonly ownAddresses: () => readonly string[];
};

/** The registry in whose name a connection is made; undefined for tunnels. */
export type OnBehalfOf = RegistryName | undefined;

const usualPorts: ReadonlySet<number> = new Set([443, 80]);
const maxSentence = 120;

export class Destinations {
  readonly #rules: DestinationRules;
  readonly #allowed: BlockList;
  readonly #named: HostMatcher;

  constructor(rules: DestinationRules) {
    this.#rules = rules;
    this.#allowed = blockListOf(rules.allowedAddresses);
    this.#named = hostMatcher(rules.named);
  }

  /** Whether the operator named this host himself. */
  isNamed(address: HostPort): boolean {
    return this.#named(address);
  }

  /** What can be said before the name is resolved. An address literal is judged in full. */
  checkName(address: HostPort, onBehalfOf: OnBehalfOf): void {
    if (!this.#isPortAllowed(address, onBehalfOf)) {
      const setting =
        onBehalfOf === undefined ? "REGISTRIES, or its port to TUNNEL_PORTS," : "REGISTRIES";
      throw forbidden(address, (name) => [
        formatHostPort({ host: name, port: address.port }),
        ` is not a permitted port; add it to ${setting} on the proxy`,
      ]);
    }
    if (isAddress(address.host)) this.checkAddress(address, address.host, onBehalfOf);
  }

  /** Judges one address that the host resolved to. */
  checkAddress(address: HostPort, resolved: string, onBehalfOf: OnBehalfOf): void {
    if (this.isOwnListener(resolved, address.port)) {
      throw forbidden(address, (name) => [
        formatHostPort({ host: name, port: address.port }),
        " is this proxy itself and is never dialled",
      ]);
    }
    if (this.#isAllowed(resolved)) return;
    const kind = this.#kindOf(resolved);
    if (kind === "public") return;
    if (kind === "private") {
      if (this.isNamed(address) || this.#isNamedRegistry(onBehalfOf)) return;
      throw forbidden(address, (name) => [
        formatHostPort({ host: name, port: address.port }, 443),
        " is a private address; add it to REGISTRIES on the proxy",
      ]);
    }
    throw forbidden(address, (name) => [
      name,
      ` is ${article(kind)} address; UPSTREAM_ALLOW_ADDRESSES on the proxy would allow it`,
    ]);
  }

  /** Whether a connection there would come back to this process. */
  isOwnListener(resolved: string, port: number): boolean {
    return this.#rules.ownListeners().some((listener) => {
      if (listener.port !== port) return false;
      if (!isWildcard(listener.host)) return isSameAddress(listener.host, resolved);
      return this.#isThisMachine(resolved);
    });
  }

  #isPortAllowed(address: HostPort, onBehalfOf: OnBehalfOf): boolean {
    if (usualPorts.has(address.port) || this.isNamed(address)) return true;
    return onBehalfOf === undefined && this.#rules.tunnelPorts.includes(address.port);
  }

  #isNamedRegistry(name: OnBehalfOf): boolean {
    return name !== undefined && this.isNamed(registryAddress(name));
  }

  #isAllowed(resolved: string): boolean {
    const bare = withoutZone(resolved);
    return this.#allowed.check(bare, isIPv4(bare) ? "ipv4" : "ipv6");
  }

  /** An address of this machine is at best private, however public its number looks. */
  #kindOf(resolved: string): AddressKind {
    const kind = addressKind(resolved);
    if (kind !== "public") return kind;
    const isOwn = this.#rules.ownAddresses().some((own) => isSameAddress(own, resolved));
    return isOwn ? "private" : "public";
  }

  #isThisMachine(resolved: string): boolean {
    const kind = addressKind(resolved);
    if (kind === "loopback" || kind === "unspecified") return true;
    return this.#rules.ownAddresses().some((own) => isSameAddress(own, resolved));
  }
}

/** Reads CIDRs and single addresses; undefined names the first that is neither. */
export function invalidCidr(texts: readonly string[]): string | undefined {
  return texts.find((text) => parseCidr(text) === undefined);
}

function blockListOf(texts: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of texts) {
    const cidr = parseCidr(text);
    if (cidr === undefined) throw new TypeError(`not an address range: ${text}`);
    list.addSubnet(cidr.address, cidr.bits, cidr.family);
  }
  return list;
}

type Cidr = { readonly address: string; readonly bits: number; readonly family: "ipv4" | "ipv6" };

function parseCidr(text: string): Cidr | undefined {
  const match = /^\[?([0-9a-fA-F:.]+)\]?(?:\/(\d{1,3}))?$/.exec(text.trim());
  const address = match?.[1] ?? "";
  if (!isIPv4(address) && !isIPv6(address)) return undefined;
  const width = isIPv4(address) ? 32 : 128;
  const bits = match?.[2] === undefined ? width : Number(match[2]);
  if (bits > width) return undefined;
  return { address, bits, family: isIPv4(address) ? "ipv4" : "ipv6" };
}

function isSameAddress(one: string, other: string): boolean {
  const list = new BlockList();
  const [first, second] = [withoutZone(one), withoutZone(other)];
  if (!isAddress(first) || !isAddress(second)) return false;
  // BlockList sees through IPv4-mapped IPv6 and through different spellings.
  list.addAddress(first, isIPv4(first) ? "ipv4" : "ipv6");
  return list.check(second, isIPv4(second) ? "ipv4" : "ipv6");
}

function withoutZone(address: string): string {
  return address.replace(/%.*$/, "");
}

function article(kind: AddressKind): string {
  return /^[aeiou]/.test(kind) ? `an ${kind}` : `a ${kind}`;
}

/** Cuts a long host name in the middle, so that the sentence keeps its end. */
function forbidden(
  address: HostPort,
  sentence: (host: string) => readonly [string, string],
): UpstreamError {
  const [subject, rest] = sentence(address.host);
  const room = maxSentence - rest.length;
  const short =
    subject.length <= room ? subject : `${subject.slice(0, room - 23)}...${subject.slice(-20)}`;
  return new UpstreamError("FORBIDDEN", formatHostPort(address, 443), `${short}${rest}`);
}
