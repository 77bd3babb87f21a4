/**
 * What a registry's 3xx may lead to. The client that follows it (pooled-registry-client.ts) has each
 * hop judged again and sends no credential to another origin.
 */

import type { HostPort } from "../../protocol/http/host-port.ts";
import { splitTarget } from "../../protocol/http/target.ts";
import { bearerToken } from "../../protocol/own-token.ts";
import type { RegistryName } from "../../protocol/registry-name.ts";
import { parseRoute } from "../../protocol/route.ts";
import { discard } from "../body.ts";
import { leaderAfter, nextPlace, type Place, refusedRedirect } from "../location.ts";
import type { Access, RegistryRequest, RegistryResponse } from "../registry-client.ts";
import type { UpstreamError } from "../upstream-error.ts";
import type { Purpose } from "../upstream-event.ts";

/** A request on its way, maybe sent on from where it began. */
export type Sent = RegistryRequest & {
  /** By its path where it began: where that leads on to serves the same. */
  readonly asked: Purpose;
  /** Decides which addresses may be dialled. */
  readonly began: RegistryName;
  /** Who led to the registry, where the operator did not name him: decides in the place of `began`. */
  readonly ledBy?: RegistryName | undefined;
  /** From one registry to another. */
  readonly hops: number;
};

export type RedirectJudges = {
  /** Whether the operator named it: no stranger leads into his own network. */
  readonly isNamed: (address: HostPort) => boolean;
  /** Throws UpstreamError where the operator's rules do not let a redirect lead. */
  readonly judgeRedirect?: ((place: Place) => void) | undefined;
};

export const maxBlobHops = 5;
/** From one registry to another. */
export const maxRegistryHops = 3;

/** Throws UpstreamError where it may not be followed; the redirect's own answer is then closed. */
export function nextHop(
  from: Place,
  { headers, body }: RegistryResponse,
  { registry }: RegistryRequest,
  judges: RedirectJudges,
): Place {
  try {
    const ledBy = leaderAfter(from, judges.isNamed);
    const next = { ...nextPlace(from, headers, registry.scheme), ledBy };
    judges.judgeRedirect?.(next);
    return next;
  } catch (error) {
    discard(body);
    throw error;
  }
}

/** Whether a place is somebody's manifest, the only thing a manifest's redirect is followed to. */
export function isManifestPlace(place: Place): boolean {
  return routeOf(place).kind === "manifest";
}

/**
 * Whether a place is a registry's blob and no mere storage, so that a login may be had for it. Under
 * a path prefix it may as well be a page that a stranger keeps on that host.
 */
export function isBlobPlace(place: Place): boolean {
  return routeOf(place).kind === "blob";
}

/**
 * On the same host there are pages of strangers too, and what only its owner may read: the operator's
 * password opens a blob where a blob was asked for, and nothing else.
 */
export function mayGoAlong(
  access: Access,
  authorization: string | undefined,
  place: Place,
): boolean {
  if (access.kind !== "shared" || bearerToken(authorization) !== undefined) return true;
  return isBlobPlace(place);
}

export function tooManyHops(from: Place, most: number): UpstreamError {
  return refusedRedirect(from, `more than ${most} times`);
}

function routeOf({ target }: Place) {
  return parseRoute("GET", splitTarget(target).path);
}
