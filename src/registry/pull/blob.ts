/** `GET` and `HEAD /v2/<name>/blobs/<digest>` (OCI distribution-spec end-2). */
import { wantsRevalidation } from "../../protocol/http/caching-fields.ts";
import { askedRange } from "../answer/content-plan.ts";
import type { Exchange, Reply } from "../exchange.ts";
import { readingAccess } from "../login/access.ts";
import type { UpstreamHandlerParts } from "../upstream-parts.ts";

export async function pullBlob(
  exchange: Exchange,
  { pulls, accessOf }: Pick<UpstreamHandlerParts, "pulls" | "accessOf">,
): Promise<Reply> {
  const { ask, headers, method, route, signal, tally } = exchange;
  if (route.kind !== "blob") throw new TypeError(`not a blob: ${route.kind}`);
  const { repository, digest } = route;
  return pulls.blob({
    registry: ask.registry,
    repository,
    digest,
    access: await readingAccess(exchange, accessOf),
    range: method === "GET" ? askedRange(headers, digest) : undefined,
    isHead: method === "HEAD",
    noCache: wantsRevalidation(headers),
    isMirror: ask.door === "mirror",
    isPublicOnly: ask.isPublicOnly ?? false,
    decision: tally.decision,
    signal,
  });
}
