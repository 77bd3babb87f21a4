/** In whose name a request goes on: decided by access.ts, narrowed by what the request does. */
import { headerList, headerValue } from "../../protocol/http/header-list.ts";
import { ownTokenIn } from "../../protocol/own-token.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import { prefixedRoute } from "../../protocol/route-readings.ts";
import type { Access } from "../../upstream/registry-client.ts";
import type { Exchange } from "../exchange.ts";
import type { AccessOf } from "../upstream-parts.ts";

/** For what only reads. Throws RegistryError UNAUTHORIZED with the challenge when it is rejected. */
export async function readingAccess(exchange: Exchange, accessOf: AccessOf): Promise<Access> {
  const { headers, ask, method, signal, tally } = exchange;
  const access = await accessOf(headers, ask, { method, signal });
  const from = ask.client;
  if (access.kind === "shared" && ask.isPublicOnly === true) return { kind: "anonymous", from };
  tally.isShared = access.kind === "shared";
  if (access.kind !== "rejected") return { ...access, from };
  throw new RegistryError("UNAUTHORIZED", "the token is not valid here any more; log in again", {
    headers: headerList({ "www-authenticate": access.challenge }),
  });
}

/** For what writes: the client's own login or none, never the operator's credential. */
export async function writingAccess(exchange: Exchange, accessOf: AccessOf): Promise<Access> {
  const access = await readingAccess(exchange, accessOf);
  return access.kind === "client" ? access : { kind: "none", from: access.from };
}

/**
 * For what is no pull: only what the client sent, and no token of ours but where one may go (a
 * repository's content under a path prefix, as containerd's `override_path` asks for it).
 */
export async function outsideAccess(exchange: Exchange, accessOf: AccessOf): Promise<Access> {
  const { headers, ask, method, route, signal } = exchange;
  const authorization = headerValue(headers, "authorization");
  if (authorization === undefined) return { kind: "none" };
  const isContent = route.kind === "outside" && prefixedRoute(route.path) !== undefined;
  if (isContent && ownTokenIn(authorization) !== undefined)
    return readingAccess(exchange, accessOf);
  const access = await accessOf(headers, ask, { method, signal });
  return access.kind === "client" ? access : { kind: "none" };
}
