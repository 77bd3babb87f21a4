/**
 * Everything that writes to a registry but manifests: uploads, mounts, deleting blobs
 * (OCI distribution-spec end-4 to end-6, end-10, end-11, end-13, end-14). In the client's own name.
 */
import { parseDigest } from "../../protocol/digest.ts";
import type { Exchange, Reply } from "../exchange.ts";
import { writingAccess } from "../login/request-access.ts";
import { passThrough } from "../pass-through.ts";
import type { UpstreamHandlerParts } from "../upstream-parts.ts";

export async function pushUpload(
  exchange: Exchange,
  parts: Pick<UpstreamHandlerParts, "client" | "accessOf" | "pulls">,
  bodyIdle: number,
): Promise<Reply> {
  const access = await writingAccess(exchange, parts.accessOf);
  const passed = await passThrough(exchange, access, parts.client, bodyIdle);
  const { status } = passed.response;
  // 202 is a step on the way; what else goes well ends an upload or a mount.
  if (status >= 200 && status < 300 && status !== 202) await forget(exchange, parts.pulls);
  return passed;
}

/** Engines look whether a blob is there before they push it, and once more after that. */
async function forget(
  { ask, route, tally }: Exchange,
  pulls: UpstreamHandlerParts["pulls"],
): Promise<void> {
  const query = new URLSearchParams(ask.target.slice(`${ask.target}?`.indexOf("?") + 1));
  const digest = parseDigest(query.get("digest") ?? query.get("mount") ?? "");
  if (digest === undefined || !("repository" in route)) return;
  try {
    await pulls.pushed(ask.registry, route.repository, { kind: "digest", digest }, "taken");
  } catch (error) {
    tally.error = error;
  }
}
