/** What the authorizer is to know of a request to a registry. */

import { splitTarget } from "../../protocol/http/target.ts";
import { parseRoute } from "../../protocol/route.ts";
import type { AuthorizationAsk } from "../auth/authorization.ts";
import { scopesOf } from "../auth/scopes.ts";
import type { Access } from "../registry-client.ts";
import type { Sent } from "./redirects.ts";
import { isOurs, isReading } from "./request-fields.ts";

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

/** None where what answers may be a page beside the registry: its challenge is not the registry's. */
function clientsScopes(request: Sent): readonly string[] {
  if (isOurs(request.access)) return [];
  const { path } = splitTarget(request.target);
  const { kind } = parseRoute(request.method, path);
  if (kind === "outside" || kind === "invalid") return [];
  const scopes = scopesOf(request.target);
  return isReading(request) ? scopes : scopes.map((scope) => scope.replace(/:pull$/, ":pull,push"));
}
