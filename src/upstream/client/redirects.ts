/**
 * What a registry's 3xx may lead to. The client that follows it (pooled-registry-client.ts) has each
 * hop judged again and sends no credential to another origin.
 */

import { splitTarget } from "../../protocol/http/target.ts";
import { bearerToken } from "../../protocol/own-token.ts";
import type { RegistryName } from "../../protocol/registry-name.ts";
import { parseRoute } from "../../protocol/route.ts";
import { type Place, refusedRedirect } from "../location.ts";
import type { Access, RegistryRequest } from "../registry-client.ts";
import type { UpstreamError } from "../upstream-error.ts";

/** A request on its way, maybe sent on from where it began. */
export type Sent = RegistryRequest & {
  /** Decides which addresses may be dialled. */
  readonly began: RegistryName;
  /** From one registry to another. */
  readonly hops: number;
};

export const maxBlobHops = 5;
/** From one registry to another. */
export const maxRegistryHops = 3;

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

/** On the same host there are pages of strangers too: the operator's password stays within the API. */
export function mayGoAlong(
  access: Access,
  authorization: string | undefined,
  place: Place,
): boolean {
  if (access.kind !== "shared" || bearerToken(authorization) !== undefined) return true;
  const { kind } = routeOf(place);
  return kind !== "outside" && kind !== "invalid";
}

export function tooManyHops(from: Place, most: number): UpstreamError {
  return refusedRedirect(from, `more than ${most} times`);
}

function routeOf({ target }: Place) {
  return parseRoute("GET", splitTarget(target).path);
}
