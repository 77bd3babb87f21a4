/** Blobs and manifests of the hosted registry, read (OCI distribution-spec end-2, end-3). */
import { type Content, contentOf } from "../../cache/content.ts";
import { LengthSource, memorySource } from "../../cache/pull/memory-source.ts";
import type { Digest } from "../../protocol/digest.ts";
import type { RepositoryName } from "../../protocol/reference.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import type { Exchange } from "../exchange.ts";
import { askerOf, may } from "./asker.ts";
import type { HostedParts } from "./hosted-parts.ts";

export async function pullHostedBlob(exchange: Exchange, parts: HostedParts): Promise<Content> {
  const { route, method } = exchange;
  if (route.kind !== "blob") throw new TypeError(`not a blob: ${route.kind}`);
  const { repository, digest } = route;
  const { mayPull, mayPush } = await rightsOf(exchange, parts, repository);
  if (!mayPull) throw new RegistryError("BLOB_UNKNOWN", "this repository has no such blob");
  const source =
    method === "HEAD"
      ? new LengthSource(await parts.blobs.sizeOf(repository, digest, mayPush))
      : await parts.blobs.open(repository, digest);
  return contentOf({ digest }, { source }, "hit");
}

export async function pullHostedManifest(exchange: Exchange, parts: HostedParts): Promise<Content> {
  const { route, method } = exchange;
  if (route.kind !== "manifest") throw new TypeError(`not a manifest: ${route.kind}`);
  const { repository, reference } = route;
  const { mayPull, mayPush } = await rightsOf(exchange, parts, repository);
  if (!mayPull) throw new RegistryError("MANIFEST_UNKNOWN", "this repository has no such image");
  const isLeased = method === "HEAD" && mayPush;
  const { manifests } = parts;
  const found = await manifests.pull(repository, reference, isLeased);
  const { digest, mediaType } = found;
  const source = memorySource(found.bytes, () => bytesAgain(manifests, repository, digest));
  return contentOf(found, { source, mediaType }, "hit");
}

async function bytesAgain(
  manifests: HostedParts["manifests"],
  repository: RepositoryName,
  digest: Digest,
): Promise<Uint8Array> {
  return (await manifests.read(repository, digest)).bytes;
}

/** May push: what they are told is here they will not push again. */
async function rightsOf(
  exchange: Exchange,
  parts: HostedParts,
  repository: Parameters<typeof may>[2]["repository"],
) {
  const asker = await askerOf(exchange, parts);
  const mayPull = may(exchange, asker, { repository, action: "pull" }, parts);
  return { mayPull, mayPush: parts.rights.may(asker.user, repository, "push") };
}
