/**
 * Where a registry says its tokens come from, checked before anything is sent there. Two realms are
 * the same when scheme, host, port and path are; a query belongs to the single request.
 */
import {
  formatHostPort,
  type HostPort,
  isAddress,
  parseHostPort,
} from "../../protocol/http/host-port.ts";
import { type Registry, registryAddress, type Scheme } from "../../protocol/registry-name.ts";

export type Realm = {
  readonly scheme: Scheme;
  readonly address: HostPort;
  readonly path: string;
  /** What the realm's own query asks besides scopes, as `name=value`. */
  readonly query: readonly string[];
  /** The `scope` values of its query: nvcr.io puts them there. */
  readonly scopes: readonly string[];
  /** The registry wrote `http`. */
  readonly isWrittenPlain?: true;
};

/** No user information, no fragment, no backslash, nothing outside ASCII: all of them have fooled URL parsers. */
const grammar =
  /^(https?):\/\/([^/?#@\\\s]+)(\/[\w\-.~!$&'()*+,;=:@%/]*)?(?:\?([\w\-.~!$&'()*+,;=:@%/?]*))?$/i;
const maxLength = 4096;
/** Asked for by us or not at all: long-lived tokens and the names of accounts are nobody's to add. */
const ownParameters: ReadonlySet<string> = new Set([
  "scope",
  "service",
  "account",
  "client_id",
  "offline_token",
  "access_type",
  "refresh_token",
  "grant_type",
]);

export function parseRealm(text: string): Realm | undefined {
  const match = text.length > maxLength ? null : grammar.exec(text);
  if (match === null) return undefined;
  const scheme = match[1]?.toLowerCase() === "http" ? "http" : "https";
  const address = parseHostPort(match[2] ?? "", scheme === "http" ? 80 : 443);
  if (address === undefined) return undefined;
  const query = match[4] ?? "";
  return {
    scheme,
    address,
    path: match[3] ?? "/",
    query: query.split("&").filter((pair) => pair !== "" && !ownParameters.has(nameOf(pair))),
    scopes: new URLSearchParams(query).getAll("scope"),
  };
}

/**
 * The realm as it is asked: that of an https registry over https, however it is written, since behind
 * a proxy that ends TLS many a registry writes http.
 */
export function askedOver(realm: Realm, registry: Registry): Realm {
  if (realm.scheme === "https" || registry.scheme === "http") return realm;
  const { host, port } = realm.address;
  const address = { host, port: port === 80 ? 443 : port };
  return { ...realm, scheme: "https", address, isWrittenPlain: true };
}

/** The realm as tokens of our own name it: `https://auth.docker.io/token`. */
export function realmKey(realm: Realm): string {
  const port = realm.scheme === "http" ? 80 : 443;
  return `${realm.scheme}://${formatHostPort(realm.address, port)}${realm.path}`;
}

/** The whole realm again, without what belongs to one repository. */
export function printRealm(realm: Realm): string {
  return `${realmKey(realm)}${realm.query.length > 0 ? `?${realm.query.join("&")}` : ""}`;
}

/**
 * Whether a token may be asked for there at all, be it without a credential: over https, or at the
 * plain-http registry itself; never at an address that is not the registry's own.
 */
export function mayAskRealm(realm: Pick<Realm, "scheme" | "address">, registry: Registry): boolean {
  if (isSameOrigin(realm, registry)) return true;
  return realm.scheme === "https" && !isAddress(realm.address.host);
}

function isSameOrigin(
  { scheme, address }: Pick<Realm, "scheme" | "address">,
  registry: Registry,
): boolean {
  const own = registryAddress(registry.name);
  return scheme === registry.scheme && address.host === own.host && address.port === own.port;
}

function nameOf(pair: string): string {
  return [...new URLSearchParams(pair).keys()][0]?.toLowerCase() ?? "";
}
