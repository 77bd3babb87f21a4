/**
 * What is read and not kept: tag lists, referrers, the catalog, upload states, extensions. It
 * passes through with the access of a pull (OCI distribution-spec end-8, end-12).
 */
import type { Exchange, Reply } from "../exchange.ts";
import { readingAccess } from "../login/request-access.ts";
import { passThrough } from "../pass-through.ts";
import type { UpstreamHandlerParts } from "../upstream-parts.ts";

export async function pullList(
  exchange: Exchange,
  parts: Pick<UpstreamHandlerParts, "client" | "accessOf">,
  bodyIdle: number,
): Promise<Reply> {
  const access = await readingAccess(exchange, parts.accessOf);
  return passThrough(exchange, access, parts.client, bodyIdle);
}
