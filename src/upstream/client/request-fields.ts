/** The fields that a request has upstream, and whose business they are. */
import type { HeaderList } from "../../protocol/http/header-list.ts";
import type { Place } from "../location.ts";
import type { RegistryRequest } from "../registry-client.ts";

export function isReading({ method }: RegistryRequest): boolean {
  return method === "GET" || method === "HEAD";
}

/** A web page of the same host: between it and the client, and nothing that is ours or kept. */
export function isClientsOwn({ access, redirects }: RegistryRequest, { target }: Place): boolean {
  const isOurs = access.kind === "shared" || access.kind === "anonymous";
  return !isOurs && redirects === "pass" && !target.startsWith("/v2/");
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
