/** Whether an image could be pulled from what is kept alone. */
import type { Digest } from "../../protocol/digest.ts";
import type { ManifestReference } from "../../protocol/manifest.ts";
import type { BlobStore } from "../../store/blob-store.ts";
import type { RepositoryBlobs } from "../access/repository-blobs.ts";
import type { Manifests } from "../keeping/manifests.ts";
import type { RepositoryRef } from "../repository-ref.ts";
import { wellKnownBlob } from "./well-known-blobs.ts";

export type CompletenessParts = {
  readonly manifests: Manifests;
  readonly repositoryBlobs: RepositoryBlobs;
  readonly blobs: BlobStore;
};

/** Indexes of indexes exist; deeper ones are not images. */
const deepest = 4;

/** Every blob that clients ask for is held by this repository; of an index, every blob of one of its images. */
export async function isComplete(
  parts: CompletenessParts,
  ref: RepositoryRef,
  digest: Digest,
  depth = 0,
): Promise<boolean> {
  if (depth > deepest || !(await isReachable(parts, ref, digest))) return false;
  const manifest = await parts.manifests.read(digest);
  if (manifest === undefined) return false;
  if (manifest.kind === "index")
    return anyComplete(parts, ref, imagesIn(manifest.references), depth + 1);
  for (const { digest: blob } of asked(manifest.references))
    if (!(await isHeld(parts, ref, blob))) return false;
  return true;
}

/** What is beside the images of an index (attestations) names no platform. */
export function imagesIn(children: readonly ManifestReference[]): readonly ManifestReference[] {
  const images = children.filter(({ platform }) => platform !== undefined);
  return images.length > 0 ? images : children;
}

const imageConfig = /\/vnd\.(?:oci\.image\.config|docker\.container\.image)\.v1\+json$/;
const imageLayer = /\/vnd\.(?:oci|docker)\.image\.(?:layer|rootfs)\./;

/** The blobs that clients ask for: of what is no image its config is never fetched. */
function asked([config, ...layers]: readonly ManifestReference[]): readonly ManifestReference[] {
  const wanted = layers.filter(({ isDistributable }) => isDistributable);
  if (config === undefined || layers.length === 0) return config === undefined ? [] : [config];
  const isImage =
    imageConfig.test(config.mediaType) &&
    layers.some(({ mediaType }) => imageLayer.test(mediaType));
  return isImage ? [config, ...wanted] : wanted;
}

async function anyComplete(
  parts: CompletenessParts,
  ref: RepositoryRef,
  children: readonly ManifestReference[],
  depth: number,
): Promise<boolean> {
  for (const { digest } of children) if (await isComplete(parts, ref, digest, depth)) return true;
  return false;
}

async function isHeld(
  parts: CompletenessParts,
  ref: RepositoryRef,
  digest: Digest,
): Promise<boolean> {
  if (wellKnownBlob(digest) !== undefined) return true;
  if (!(await isReachable(parts, ref, digest))) return false;
  return (await parts.blobs.stat(digest).catch(() => undefined)) !== undefined;
}

/** Whether clients of that repository can have it from here while its registry cannot be asked. */
async function isReachable(
  { repositoryBlobs }: CompletenessParts,
  ref: RepositoryRef,
  digest: Digest,
): Promise<boolean> {
  return (
    (await repositoryBlobs.holds(ref, digest)) || (await repositoryBlobs.isPublicAt(ref, digest))
  );
}
