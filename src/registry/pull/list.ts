/**
 * Tag lists, referrers, the catalog, upload states, extensions: they pass through with the access of a
 * pull (OCI distribution-spec end-8, end-12). Something kept stands in for the first two alone.
 */
import type { Exchange, Reply } from "../exchange.ts";
import { readingAccess } from "../login/access.ts";
import { passPatiently, passThrough } from "../pass-through.ts";
import { hasBody } from "../request-body.ts";
import type { UpstreamHandlerParts } from "../upstream-parts.ts";

export async function pullList(
  exchange: Exchange,
  { client, pulls, accessOf }: Pick<UpstreamHandlerParts, "client" | "pulls" | "accessOf">,
  bodyIdle: number,
): Promise<Reply> {
  const { ask, method, route, tally } = exchange;
  const access = await readingAccess(exchange, accessOf);
  const isKept = method === "GET" && (route.kind === "tags" || route.kind === "referrers");
  // What came with a body can be asked for by its client alone.
  if (!isKept || hasBody(exchange.headers)) return passThrough(exchange, access, client, bodyIdle);
  const { registry, target, isPublicOnly = false } = ask;
  const { repository } = route;
  const list = { registry, repository, access, isPublicOnly, target, decision: tally.decision };
  return pulls.list({ ...list, signal: exchange.signal }, (patience, signal) =>
    passPatiently({ ...exchange, signal }, access, client, { bodyIdle, patience }),
  );
}
