/** `GET` and `HEAD /v2/<name>/manifests/<reference>` (OCI distribution-spec end-3). */
import { wantsRevalidation } from "../../protocol/http/caching-fields.ts";
import { parseAccept } from "../../protocol/media-type.ts";
import type { Exchange, Reply } from "../exchange.ts";
import { readingAccess } from "../login/access.ts";
import type { UpstreamHandlerParts } from "../upstream-parts.ts";

export async function pullManifest(
  exchange: Exchange,
  { pulls, accessOf }: Pick<UpstreamHandlerParts, "pulls" | "accessOf">,
): Promise<Reply> {
  const { ask, headers, method, route, signal, tally } = exchange;
  if (route.kind !== "manifest") throw new TypeError(`not a manifest: ${route.kind}`);
  const { repository, reference } = route;
  return pulls.manifest({
    registry: ask.registry,
    repository,
    reference,
    access: await readingAccess(exchange, accessOf),
    accept: parseAccept(headers.get("accept") ?? []),
    isHead: method === "HEAD",
    noCache: wantsRevalidation(headers),
    isMirror: ask.door === "mirror",
    isPublicOnly: ask.isPublicOnly ?? false,
    decision: tally.decision,
    signal,
  });
}
