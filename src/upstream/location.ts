/**
 * Where a 3xx leads: the place that its Location names, and the target there as it was written. What
 * no URI may hold is percent-encoded (RFC 3986 §2.1), and nothing else is changed: storage signs the
 * very spelling. Whoever follows it has it judged again.
 */
import { type HeaderList, headerValue } from "../protocol/http/header-list.ts";
import { formatHostPort, type HostPort, parseHostPort } from "../protocol/http/host-port.ts";
import { splitTarget } from "../protocol/http/target.ts";
import { type RegistryName, registryAt, type Scheme } from "../protocol/registry-name.ts";
import { UpstreamError } from "./upstream-error.ts";

export type Place = {
  readonly scheme: Scheme;
  readonly address: HostPort;
  /** Origin-form. */
  readonly target: string;
  /** The first on the way there whom the operator did not name: nothing private is asked from there on. */
  readonly ledBy?: RegistryName | undefined;
};

/** RFC 3986, appendix B: scheme, authority, path, query; what follows a # is never sent. */
const reference = /^(?:([a-z][a-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(\?[^#]*)?(?:#.*)?$/i;
/** Controls, which no spelling makes good. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const control = /[\x00-\x1f\x7f]/;
/** A byte above ASCII is a part of some letter; the others have been read as more than they are. */
const noUriCharacter = /[\x80-\xff "<>\\^`{|}]/g;

/**
 * The place a Location leads to, relative or absolute. Throws REDIRECT when there is none, when it is
 * no plain http(s) address, or when it leaves https although the registry is spoken to over https.
 */
export function nextPlace(from: Place, headers: HeaderList, registry: Scheme): Place {
  const location = headerValue(headers, "location")?.trim();
  if (location === undefined || control.test(location)) throw refusedRedirect(from, "nowhere");
  const [, word, authority, path = "", query = ""] = reference.exec(location) ?? [];
  const scheme = schemeOf(word ?? from.scheme);
  if (scheme === undefined) throw refusedRedirect(from, `to ${word}: which is not followed`);
  if (authority?.includes("@")) throw refusedRedirect(from, "with a login in it");
  if (scheme === "http" && registry === "https") throw refusedRedirect(from, "from https to http");
  const isThere = word !== undefined || authority !== undefined;
  const address = isThere ? addressOf(scheme, authority) : from.address;
  if (address === undefined) throw refusedRedirect(from, "to a malformed host");
  const target = isThere ? rooted(path) + query : joined(from.target, path, query);
  return { scheme, address, target: target.replace(noUriCharacter, encoded) };
}

/** Who answers for what this place leads to, be it a redirect or a token service; undefined for the operator. */
export function leaderAfter(
  { ledBy, address, scheme }: Omit<Place, "target">,
  isNamed: (address: HostPort) => boolean,
): RegistryName | undefined {
  return ledBy ?? (isNamed(address) ? undefined : registryAt(address, scheme).name);
}

export function isSameOrigin(one: Place, other: Place): boolean {
  return (
    one.scheme === other.scheme &&
    one.address.host === other.address.host &&
    one.address.port === other.address.port
  );
}

export function refusedRedirect(from: Place, how: string): UpstreamError {
  const host = formatHostPort(from.address, 443);
  return new UpstreamError("REDIRECT", host, `${host} redirects ${how}`);
}

function schemeOf(word: string): Scheme | undefined {
  const scheme = word.toLowerCase();
  return scheme === "https" || scheme === "http" ? scheme : undefined;
}

function addressOf(scheme: Scheme, authority = ""): HostPort | undefined {
  return parseHostPort(authority, scheme === "https" ? 443 : 80);
}

/** RFC 3986 §5.2: a reference without a path is to the same one, a relative one to its neighbour. */
function joined(base: string, path: string, query: string): string {
  const before = splitTarget(base).path;
  if (path === "") return query === "" ? base : before + query;
  if (path.startsWith("/")) return rooted(path) + query;
  return rooted(before.slice(0, before.lastIndexOf("/") + 1) + path) + query;
}

/** Dot segments as they stand are the reference's own (RFC 3986 §5.2.4); encoded ones the server's. */
function rooted(path: string): string {
  if (!/(?:^|\/)\.{1,2}(?:\/|$)/.test(path)) return path === "" ? "/" : path;
  const kept: string[] = [];
  const segments = path.split("/").slice(1);
  for (const segment of segments) {
    if (segment === "..") kept.pop();
    else if (segment !== ".") kept.push(segment);
  }
  if (/^\.{1,2}$/.test(segments.at(-1) ?? "")) kept.push("");
  return `/${kept.join("/")}`;
}

function encoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}
