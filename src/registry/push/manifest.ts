/**
 * `PUT` and `DELETE /v2/<name>/manifests/<reference>` (OCI distribution-spec end-7, end-9): what the
 * cache knows of that tag or digest is out of date.
 */
import type { Exchange, Reply } from "../exchange.ts";
import { writingAccess } from "../login/access.ts";
import { passThrough } from "../pass-through.ts";
import { pushedTags } from "../rules/written-query.ts";
import type { UpstreamHandlerParts } from "../upstream-parts.ts";
import { sendForgetting } from "./forgetting.ts";

export async function pushManifest(
  exchange: Exchange,
  parts: Pick<UpstreamHandlerParts, "client" | "accessOf" | "pulls">,
  bodyIdle: number,
): Promise<Reply> {
  const { ask, route } = exchange;
  if (route.kind !== "manifest") throw new TypeError(`not a manifest: ${route.kind}`);
  const access = await writingAccess(exchange, parts.accessOf);
  const references = [route.reference, ...pushedTags(ask.target)];
  return sendForgetting(exchange, parts.pulls, references, () =>
    passThrough(exchange, access, parts.client, bodyIdle),
  );
}
