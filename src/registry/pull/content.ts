/** `GET` and `HEAD` of `/v2/<name>/blobs/<digest>` and `/v2/<name>/manifests/<reference>` (OCI distribution-spec end-2, end-3). */
import type { PullAsk } from "../../cache/pull-ask.ts";
import { wantsRevalidation } from "../../protocol/http/caching-fields.ts";
import { parseAccept } from "../../protocol/media-type.ts";
import type { RepositoryName } from "../../protocol/reference.ts";
import { askedRange } from "../answer/content-plan.ts";
import type { Exchange, Reply } from "../exchange.ts";
import { readingAccess } from "../login/access.ts";
import type { UpstreamHandlerParts } from "../upstream-parts.ts";

type Parts = Pick<UpstreamHandlerParts, "pulls" | "accessOf">;

export async function pullBlob(exchange: Exchange, parts: Parts): Promise<Reply> {
  const { headers, method, route } = exchange;
  if (route.kind !== "blob") throw new TypeError(`not a blob: ${route.kind}`);
  const { repository, digest } = route;
  const range = method === "GET" ? askedRange(headers, digest) : undefined;
  return parts.pulls.blob({ ...(await pullOf(exchange, repository, parts)), digest, range });
}

export async function pullManifest(exchange: Exchange, parts: Parts): Promise<Reply> {
  const { headers, route } = exchange;
  if (route.kind !== "manifest") throw new TypeError(`not a manifest: ${route.kind}`);
  const { repository, reference } = route;
  const accept = parseAccept(headers.get("accept") ?? []);
  return parts.pulls.manifest({
    ...(await pullOf(exchange, repository, parts)),
    ...{ reference, accept },
  });
}

async function pullOf(
  exchange: Exchange,
  repository: RepositoryName,
  { accessOf }: Parts,
): Promise<PullAsk> {
  const { ask, headers, method, signal, tally } = exchange;
  return {
    registry: ask.registry,
    repository,
    access: await readingAccess(exchange, accessOf),
    isHead: method === "HEAD",
    noCache: wantsRevalidation(headers),
    isMirror: ask.door === "mirror",
    isPublicOnly: ask.isPublicOnly ?? false,
    decision: tally.decision,
    signal,
  };
}
