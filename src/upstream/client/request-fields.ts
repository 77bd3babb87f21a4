/** What a request to a registry asks for, the fields that it has upstream, and whose business they are. */
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { parseRoute } from "../../protocol/route.ts";
import type { Place } from "../location.ts";
import type { Access, RegistryRequest } from "../registry-client.ts";
import type { Purpose } from "../upstream-event.ts";

/** By its path at the registry: where it leads on to serves the same. */
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
export function isList(request: RegistryRequest): boolean {
  const asked = askedBy(request);
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
