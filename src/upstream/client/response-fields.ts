/** Fields of an answer that are not for everybody who gets it. */
import type { RegistryResponse } from "../registry-client.ts";

/** A session that a login opened, ours above all, is as good as the login. */
export function withoutSession(response: RegistryResponse): RegistryResponse {
  if (!response.headers.has("set-cookie")) return response;
  const headers = new Map(response.headers);
  headers.delete("set-cookie");
  return { ...response, headers };
}

/** What is said of the bytes, and how to ask for them again. */
const storageFields: ReadonlySet<string> = new Set(
  `accept-ranges cache-control content-encoding content-length content-range content-type date
  docker-content-digest etag expires last-modified retry-after`.split(/\s+/),
);

/**
 * A challenge from where we were sent would make a client log in at a stranger's, and some storage
 * names the private repository that a blob was copied from.
 */
export function ofStorage(response: RegistryResponse): RegistryResponse {
  const headers = new Map([...response.headers].filter(([name]) => storageFields.has(name)));
  return { ...response, headers };
}
