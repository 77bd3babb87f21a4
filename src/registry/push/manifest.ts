/**
 * `PUT` and `DELETE /v2/<name>/manifests/<reference>` (OCI distribution-spec end-7, end-9): once the
 * upstream has taken it, what the cache knows of that tag or digest is out of date.
 */
import type { PushFate } from "../../cache/pull-through.ts";
import type { Exchange, Reply } from "../exchange.ts";
import { writingAccess } from "../login/request-access.ts";
import { passThrough } from "../pass-through.ts";
import { pushedTags } from "../rules/written-query.ts";
import type { UpstreamHandlerParts } from "../upstream-parts.ts";

export async function pushManifest(
  exchange: Exchange,
  parts: Pick<UpstreamHandlerParts, "client" | "accessOf" | "pulls">,
  bodyIdle: number,
): Promise<Reply> {
  const access = await writingAccess(exchange, parts.accessOf);
  try {
    const passed = await passThrough(exchange, access, parts.client, bodyIdle);
    const { status } = passed.response;
    if (status >= 200 && status < 300) await forget(exchange, parts.pulls, "taken");
    return passed;
  } catch (error) {
    // Whether it was taken, nobody knows.
    await forget(exchange, parts.pulls, "unknown");
    throw error;
  }
}

/** Before the client hears of it, so that its next pull is of what it pushed. The push itself stands. */
async function forget(
  { ask, route, tally }: Exchange,
  pulls: UpstreamHandlerParts["pulls"],
  fate: PushFate,
): Promise<void> {
  if (route.kind !== "manifest") throw new TypeError(`not a manifest: ${route.kind}`);
  try {
    for (const reference of [route.reference, ...pushedTags(ask.target)]) {
      await pulls.pushed(ask.registry, route.repository, reference, fate);
    }
  } catch (error) {
    tally.error = error;
  }
}
