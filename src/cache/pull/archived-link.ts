/** Sends a client to the archive for what everybody may have, where the operator wants that. */
import type { Elsewhere } from "../content.ts";
import type { ArchivedLinks } from "../keeping/archived-blobs.ts";
import type { Manifests } from "../keeping/manifests.ts";
import type { BlobAsk } from "../pull-ask.ts";

type LinkParts = { readonly links: ArchivedLinks; readonly manifests: Pick<Manifests, "isOne"> };

/** Bytes: of what is smaller a second request costs more than an answer. */
const worthIt = 1024 * 1024;

/**
 * Of what is proven to be everybody's, and of nothing else: a link is a key that may be handed on. Who
 * came by the proxy meant to be served by it.
 */
export async function linked(
  { links, manifests }: LinkParts,
  { digest, registry, isHead, isMirror }: BlobAsk,
): Promise<Elsewhere | undefined> {
  if (isHead || !isMirror) return undefined;
  if ((links.sizeOf(digest) ?? 0) < worthIt) return undefined;
  // A manifest is no blob, at some registries.
  if (await manifests.isOne(digest, registry.name)) return undefined;
  const location = await links.linkTo(digest);
  if (location === undefined) return undefined;
  return { kind: "elsewhere", digest, location, outcome: "hit" };
}
