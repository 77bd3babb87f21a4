/**
 * Where a registry's 3xx leads, and whether its form may be followed. The client that follows it
 * (pooled-registry-client.ts) has each hop judged again and sends no credential to another origin.
 */

import { type HeaderList, headerValue } from "../../protocol/http/header-list.ts";
import { formatHostPort, type HostPort, parseHostPort } from "../../protocol/http/host-port.ts";
import { splitTarget } from "../../protocol/http/target.ts";
import { bearerToken } from "../../protocol/own-token.ts";
import type { Scheme } from "../../protocol/registry-name.ts";
import { parseRoute } from "../../protocol/route.ts";
import type { Access } from "../registry-client.ts";
import { UpstreamError } from "../upstream-error.ts";

export type Place = {
  readonly scheme: Scheme;
  readonly address: HostPort;
  /** Origin-form. */
  readonly target: string;
};

export const maxBlobHops = 5;
/** From one registry to another. */
export const maxRegistryHops = 3;

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const manifestPath = /^\/v2\/[^?]+\/manifests\/[^/?]+(?:\?|$)/;

export function isRedirect(status: number): boolean {
  return redirects.has(status);
}

/**
 * The place a Location leads to, relative or absolute. Throws REDIRECT when there is none, when it is
 * no plain http(s) address, or when it leaves https although the registry is spoken to over https.
 */
export function nextPlace(from: Place, headers: HeaderList, registry: Scheme): Place {
  const location = headerValue(headers, "location");
  const base = `${from.scheme}://${formatHostPort(from.address)}${from.target}`;
  if (location === undefined || !URL.canParse(location, base)) throw refused(from, "nowhere");
  const url = new URL(location, base);
  const scheme = schemeOf(url);
  if (scheme === undefined) throw refused(from, `to ${url.protocol} which is not followed`);
  if (url.username !== "" || url.password !== "") throw refused(from, "with a login in it");
  if (scheme === "http" && registry === "https") throw refused(from, "from https to http");
  const address = parseHostPort(url.host, scheme === "https" ? 443 : 80);
  if (address === undefined) throw refused(from, "to a malformed host");
  return { scheme, address, target: url.pathname + url.search };
}

export function isSameOrigin(one: Place, other: Place): boolean {
  return (
    one.scheme === other.scheme &&
    one.address.host === other.address.host &&
    one.address.port === other.address.port
  );
}

/** Whether a place is somebody's manifest, the only thing a manifest's redirect is followed to. */
export function isManifestPlace(place: Place): boolean {
  return manifestPath.test(place.target);
}

/**
 * Whether a place is a registry's blob and no mere storage, so that a login may be had for it. Under
 * a path prefix it may as well be a page that a stranger keeps on that host.
 */
export function isBlobPlace(place: Place): boolean {
  return parseRoute("GET", splitTarget(place.target).path).kind === "blob";
}

/** On the same host there are pages of strangers too: the operator's password stays within the API. */
export function mayGoAlong(
  access: Access,
  authorization: string | undefined,
  { target }: Place,
): boolean {
  if (access.kind !== "shared" || bearerToken(authorization) !== undefined) return true;
  const { kind } = parseRoute("GET", splitTarget(target).path);
  return kind !== "outside" && kind !== "invalid";
}

export function tooManyHops(from: Place, most: number): UpstreamError {
  return refused(from, `more than ${most} times`);
}

function schemeOf(url: URL): Scheme | undefined {
  if (url.protocol === "https:") return "https";
  return url.protocol === "http:" ? "http" : undefined;
}

function refused(from: Place, how: string): UpstreamError {
  const host = formatHostPort(from.address, 443);
  return new UpstreamError("REDIRECT", host, `${host} redirects ${how}`);
}
