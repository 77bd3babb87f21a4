/**
 * `PUT` and `DELETE /v2/<name>/manifests/<reference>` (OCI distribution-spec end-7, end-9): once the
 * upstream has taken it, what the cache knows of that tag or digest is out of date.
 */
import type { Route } from "../../protocol/route.ts";
import type { EngineParts } from "../engine-parts.ts";
import type { Exchange, Reply } from "../exchange.ts";
import { passThrough } from "../pass-through.ts";
import { writingAccess } from "../request-access.ts";

export async function pushManifest(
  exchange: Exchange,
  parts: Pick<EngineParts, "client" | "accessOf" | "pulls">,
  bodyIdle: number,
): Promise<Reply> {
  const { route } = exchange;
  if (route.kind !== "manifest") throw new TypeError(`not a manifest: ${route.kind}`);
  const access = await writingAccess(exchange, parts.accessOf);
  const passed = await passThrough(exchange, access, parts.client, bodyIdle);
  const { status } = passed.response;
  if (status >= 200 && status < 300) await forget(exchange, route, parts.pulls);
  return passed;
}

/** Before the client hears of it, so that its next pull is of what it pushed. The push itself stands. */
async function forget(
  { ask, tally }: Exchange,
  { repository, reference }: Extract<Route, { kind: "manifest" }>,
  pulls: EngineParts["pulls"],
): Promise<void> {
  try {
    await pulls.pushed(ask.registry, repository, reference);
  } catch (error) {
    tally.error = error;
  }
}
