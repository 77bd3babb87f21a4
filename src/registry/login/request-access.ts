/** In whose name a request goes on: decided by access.ts, narrowed by what the request does. */
import { headerList } from "../../protocol/http/header-list.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import type { Access } from "../../upstream/registry-client.ts";
import type { Exchange } from "../exchange.ts";
import type { AccessOf } from "../upstream-parts.ts";

/** For what only reads. Throws RegistryError UNAUTHORIZED with the challenge when it is rejected. */
export async function readingAccess(exchange: Exchange, accessOf: AccessOf): Promise<Access> {
  const { headers, ask, method, signal } = exchange;
  const access = await accessOf(headers, ask, { method, signal });
  if (access.kind === "shared" && ask.isPublicOnly === true) return { kind: "anonymous" };
  if (access.kind !== "rejected") return access;
  throw new RegistryError("UNAUTHORIZED", "the token is not valid here any more; log in again", {
    headers: headerList({ "www-authenticate": access.challenge }),
  });
}

/** For what writes: the client's own login or none, never the operator's credential. */
export async function writingAccess(exchange: Exchange, accessOf: AccessOf): Promise<Access> {
  const access = await readingAccess(exchange, accessOf);
  return access.kind === "client" ? access : { kind: "none" };
}

/** For what is no registry request at all: only what the client sent, and never a token of ours. */
export async function outsideAccess(exchange: Exchange, accessOf: AccessOf): Promise<Access> {
  const { headers, ask, method, signal } = exchange;
  if (!headers.has("authorization")) return { kind: "none" };
  const access = await accessOf(headers, ask, { method, signal });
  return access.kind === "client" ? access : { kind: "none" };
}
