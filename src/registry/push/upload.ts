/**
 * Everything that writes to a registry but manifests: uploads, mounts, deleting blobs
 * (OCI distribution-spec end-4 to end-6, end-10, end-11, end-13, end-14). In the client's own name.
 */
import type { EngineParts } from "../engine-parts.ts";
import type { Exchange, Reply } from "../exchange.ts";
import { passThrough } from "../pass-through.ts";
import { writingAccess } from "../request-access.ts";

export async function pushUpload(
  exchange: Exchange,
  parts: Pick<EngineParts, "client" | "accessOf">,
  bodyIdle: number,
): Promise<Reply> {
  const access = await writingAccess(exchange, parts.accessOf);
  return passThrough(exchange, access, parts.client, bodyIdle);
}
