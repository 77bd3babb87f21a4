/** Which fields end at a connection and which travel on (RFC 9110 §7.6.1). */
import type { HeaderList } from "./header-list.ts";

const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** The list without hop-by-hop fields and those that Connection names; duplicates stay in order. */
export function endToEnd(headers: HeaderList): HeaderList {
  const named = new Set<string>();
  for (const line of headers.get("connection") ?? []) {
    for (const name of line.split(",")) named.add(name.trim().toLowerCase());
  }
  const kept = new Map<string, readonly string[]>();
  for (const [name, values] of headers) {
    if (!hopByHop.has(name) && !named.has(name)) kept.set(name, values);
  }
  return kept;
}
