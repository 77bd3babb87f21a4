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

/** Every blob of it is held by this repository; of an index, every blob of one of its images. */
export async function isComplete(
  parts: CompletenessParts,
  ref: RepositoryRef,
  digest: Digest,
  depth = 0,
): Promise<boolean> {
  if (depth > deepest || !(await parts.repositoryBlobs.holds(ref, digest))) return false;
  const manifest = await parts.manifests.read(digest);
  if (manifest === undefined) return false;
  const { kind, references } = manifest;
  if (kind === "index") return anyComplete(parts, ref, references, depth + 1);
  for (const blob of references)
    if (blob.isDistributable && !(await isHeld(parts, ref, blob.digest))) return false;
  return true;
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
  if (!(await parts.repositoryBlobs.holds(ref, digest))) return false;
  return (await parts.blobs.stat(digest).catch(() => undefined)) !== undefined;
}
