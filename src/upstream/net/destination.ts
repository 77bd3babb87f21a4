/**
 * May this be dialled? The one check that every upstream connection passes: names and ports before
 * the resolver is asked, then each address it gives. Throws FORBIDDEN with a sentence for the client
 * (ASCII, at most 120 bytes, fit for a reason phrase) that names the setting which would allow it.
 */
import { type HostMatcher, hostMatcher } from "../../protocol/host-pattern.ts";
import { AddressRanges, parseAddressRange } from "../../protocol/http/address-range.ts";
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
/** So long one leaves the host's name room beside it. */
const shortAddress = 15;

export class Destinations {
  readonly #rules: DestinationRules;
  readonly #allowed: AddressRanges;
  readonly #named: HostMatcher;

  constructor(rules: DestinationRules) {
    this.#rules = rules;
    this.#allowed = rangesOf(rules.allowedAddresses);
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
    if (this.#allowed.has(resolved)) return;
    const kind = this.#kindOf(resolved);
    if (kind === "public") return;
    if (kind === "private") {
      if (this.#mayLeadInside(address, onBehalfOf)) return;
      if (onBehalfOf !== undefined && this.isNamed(address)) throw strayed(address, onBehalfOf);
      throw forbidden(address, (name) => [
        formatHostPort({ host: name, port: address.port }, 443),
        " is a private address; add it to REGISTRIES on the proxy",
      ]);
    }
    // What to open is said of this machine alone: behind other addresses is what a cloud gives its machines.
    const value = kind === "loopback" && resolved.length <= shortAddress ? `=${resolved}` : "";
    throw forbidden(address, (name) => [
      name,
      ` is ${article(kind)} address; UPSTREAM_ALLOW_ADDRESSES${value} on the proxy would allow it`,
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

  /** Only what began at a registry that the operator named: a stranger's realm or redirect never leads there. */
  #mayLeadInside(address: HostPort, onBehalfOf: OnBehalfOf): boolean {
    return this.isNamed(onBehalfOf === undefined ? address : registryAddress(onBehalfOf));
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

function rangesOf(texts: readonly string[]): AddressRanges {
  const ranges = texts.map((text) => {
    const range = parseAddressRange(text);
    if (range === undefined) throw new TypeError(`not an address range: ${text}`);
    return range;
  });
  return new AddressRanges(ranges);
}

/** Different spellings of one address are the same, IPv4 in IPv6 clothes too. */
function isSameAddress(one: string, other: string): boolean {
  const range = parseAddressRange(one.replace(/%.*$/s, ""));
  return range !== undefined && new AddressRanges([range]).has(other);
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

function strayed(address: HostPort, by: RegistryName): UpstreamError {
  return forbidden(address, (name) => [
    name,
    ` is a private address; ${by.slice(0, 40)}, which leads there, is not in REGISTRIES`,
  ]);
}
