/**
 * What a request says of itself where it is followed: what the log says of it. Neither its path nor its
 * query, which may hold what opens an upload, nor a field of it.
 */
import type { IncomingMessage } from "node:http";
import type { SpanEnd, SpanStart } from "../runtime/tracing.ts";
import type { Ask } from "./ask.ts";
import type { RegistryEvent } from "./registry-event.ts";

export function requestStart({ method = "", headers }: IncomingMessage, ask: Ask): SpanStart {
  const attributes = {
    "http.request.method": method,
    "client.address": ask.client,
    "entrepot.door": ask.door,
    "entrepot.registry": ask.registry.name,
  };
  return { name: method, role: "serves", attributes, from: headers };
}

export function requestEnd(event: RegistryEvent): SpanEnd {
  const { method, route, status, end, error } = event;
  const hasFailed = status >= 500 || end === "cut";
  return {
    name: `${method} ${route}`,
    attributes: {
      "http.response.status_code": status,
      "http.response.body.size": event.bytes,
      "http.request.body.size": event.received > 0 ? event.received : undefined,
      "entrepot.repository": event.repository,
      "entrepot.what": event.what,
      "entrepot.cache": event.outcome,
      "entrepot.why": event.why?.reason,
      "entrepot.source": event.source,
      "entrepot.digest": event.digest,
      "entrepot.first_byte_ms": Math.round(event.firstByte),
      "entrepot.end": end === "complete" ? undefined : end,
      "entrepot.code": error?.code,
    },
    failure: hasFailed ? (error?.code ?? String(status)) : undefined,
  };
}
