/**
 * What follows from a request to a registry before it is sent: what it is for, which fields it has
 * upstream, what the authorizer is to know of it, and on whose account it goes.
 */
import { createHash } from "node:crypto";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { formatHostPort } from "../../protocol/http/host-port.ts";
import { splitTarget } from "../../protocol/http/target.ts";
import { registryAddress } from "../../protocol/registry-name.ts";
import { parseRoute } from "../../protocol/route.ts";
import { repositoryAt } from "../../protocol/route-readings.ts";
import type { AuthorizationAsk } from "../auth/authorization.ts";
import type { Authorizer } from "../auth/authorizer.ts";
import type { Place } from "../location.ts";
import type { QuotaKey } from "../rate-limits.ts";
import type { Access, RegistryRequest } from "../registry-client.ts";
import type { Purpose } from "../upstream-event.ts";
import type { Sent } from "./redirects.ts";

/** What it is for, by its path. */
export function askedBy({ method, target }: RegistryRequest): Purpose {
  const [path = ""] = target.split("?", 1);
  const { kind } = parseRoute(method, path);
  switch (kind) {
    case "manifest":
    case "blob":
    case "tags":
    case "referrers":
    case "upload":
    case "ping":
      return kind;
    case "upload-start":
      return "upload";
    default:
      return "other";
  }
}

/** Some registries gather these anew each time, however soon they answer everything else. */
export function isList({ asked }: Pick<Sent, "asked">): boolean {
  return asked === "tags" || asked === "referrers";
}

export function isReading({ method }: RegistryRequest): boolean {
  return method === "GET" || method === "HEAD";
}

/** Asked in our own name, or the operator's: nothing of the client's goes along. */
export function isOurs({ kind }: Access): boolean {
  return kind === "shared" || kind === "anonymous";
}

/** A web page of the same host: between it and the client, and nothing that is ours or kept. */
export function isClientsOwn({ access, redirects }: RegistryRequest, { target }: Place): boolean {
  return !isOurs(access) && redirects === "pass" && !target.startsWith("/v2/");
}

type Ours = { readonly authorization: string | undefined; readonly userAgent: string };

export function requestFields(
  request: RegistryRequest,
  place: Place,
  { authorization, userAgent }: Ours,
): HeaderList {
  const headers = new Map(request.headers);
  headers.delete("authorization");
  if (!isClientsOwn(request, place)) headers.delete("cookie");
  if (authorization !== undefined) headers.set("authorization", [authorization]);
  if (!headers.has("user-agent")) headers.set("user-agent", [userAgent]);
  const isContent = request.redirects !== "pass" || place.target.startsWith("/v2/");
  // A digest is over the bytes themselves, so they are asked for as they are.
  if (isReading(request) && isContent) headers.set("accept-encoding", ["identity"]);
  return headers;
}

/** `mayBeOurs`: it is a request that a login of ours, or a token got with it, may go with. */
export function authorizationAsk(request: Sent, mayBeOurs: boolean): AuthorizationAsk {
  const { registry, began, ledBy, body, signal } = request;
  const patience = request.patience === "brief" ? "brief" : "full";
  const { from } = request.access;
  const access: Access =
    isOurs(request.access) && !mayBeOurs ? { kind: "none", from } : request.access;
  const scopes = mayBeOurs ? scopesOf(request.target) : clientsScopes(request);
  const isOnce = body !== undefined;
  return { registry, began, ledBy, access, scopes, patience, isOnce, signal };
}

/** What a token for a request has to open: `repository:NAME:pull`, or nothing outside of any. */
export function scopesOf(target: string): readonly string[] {
  const name = repositoryAt(splitTarget(target).path);
  return name === undefined ? [] : [`repository:${name}:pull`];
}

/** None where what answers may be a page beside the registry: its challenge is not the registry's. */
function clientsScopes(request: Sent): readonly string[] {
  if (isOurs(request.access)) return [];
  const { path } = splitTarget(request.target);
  const { kind } = parseRoute(request.method, path);
  if (kind === "outside" || kind === "invalid") return [];
  const scopes = scopesOf(request.target);
  return isReading(request) ? scopes : scopes.map((scope) => scope.replace(/:pull$/, ":pull,push"));
}

/** Who is told 429 there. Where a registry sends us on to, its word is about that registry alone. */
export function quotaKey(
  authorizer: Pick<Authorizer, "payer">,
  { access, registry, target }: RegistryRequest,
  to: { readonly place: Place; readonly authorization: string | undefined },
): QuotaKey {
  const { from } = access;
  const host = formatHostPort(to.place.address, 443);
  const home = formatHostPort(registryAddress(registry.name), 443);
  if (host !== home) return { host, access: "none", key: `from ${registry.name}`, from };
  if (to.authorization === undefined) return { host, access: "none", key: "none", from };
  if (access.kind === "client") {
    const key = createHash("sha256").update(to.authorization).digest("base64url");
    return { host, access: "client", key, from };
  }
  const isShared = access.kind === "shared";
  const repository = isShared ? repositoryAt(splitTarget(target).path) : undefined;
  const payer = isShared ? authorizer.payer(registry, repository) : undefined;
  const key = payer === undefined ? "anonymous" : `by ${payer}`;
  return { host, access: access.kind, key, from };
}
