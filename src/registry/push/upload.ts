/**
 * Everything that writes to a registry but manifests: uploads, mounts, deleting blobs
 * (OCI distribution-spec end-4 to end-6, end-10, end-11, end-13, end-14). In the client's own name.
 */
import { parseDigest } from "../../protocol/digest.ts";
import type { Reference } from "../../protocol/reference.ts";
import type { Exchange, Reply } from "../exchange.ts";
import { writingAccess } from "../login/access.ts";
import { passThrough } from "../pass-through.ts";
import type { UpstreamHandlerParts } from "../upstream-parts.ts";
import { sendForgetting } from "./forgetting.ts";

export async function pushUpload(
  exchange: Exchange,
  parts: Pick<UpstreamHandlerParts, "client" | "accessOf" | "pulls">,
  bodyIdle: number,
): Promise<Reply> {
  const access = await writingAccess(exchange, parts.accessOf);
  return sendForgetting(exchange, parts.pulls, writtenBlobs(exchange), () =>
    passThrough(exchange, access, parts.client, bodyIdle),
  );
}

/** Engines look whether a blob is there before they push it, and once more after that. */
function writtenBlobs({ ask, route, method }: Exchange): Reference[] {
  if (route.kind === "blob") return [{ kind: "digest", digest: route.digest }];
  if (method === "DELETE") return [];
  const query = new URLSearchParams(ask.target.slice(`${ask.target}?`.indexOf("?") + 1));
  const digest = parseDigest(query.get("digest") ?? query.get("mount") ?? "");
  return digest === undefined ? [] : [{ kind: "digest", digest }];
}
