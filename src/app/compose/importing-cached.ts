/**
 * What is imported as another registry's: kept like what was pulled from there, its by origin. Nobody has
 * shown who may have it there, so that is asked like of anything else; while nobody can be asked, it is
 * open to who may use the proxy, for the operator put it here.
 */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type {
  CarriedManifest,
  CarriedPlace,
  ImportAsk,
} from "../../doors/back-office/carried-images.ts";
import { type Digest, digestAlgorithm, toDigest } from "../../protocol/digest.ts";
import { readManifest } from "../../protocol/manifest.ts";
import type { RepositoryName } from "../../protocol/reference.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import type { Registry } from "../../protocol/registry-name.ts";
import { StoreError } from "../../store/store-error.ts";
import { spokenTo } from "../settings/derived.ts";
import { type Arrivals, needDigest, otherBytes } from "./arrivals.ts";
import { largestKept } from "./cache.ts";
import type { Core } from "./core.ts";

type Ref = { readonly registry: Registry; readonly repository: RepositoryName };

/** Throws RegistryError where it would push out all that is kept. */
export function cachedArrivals(
  core: Core,
  to: CarriedPlace,
  contents: ImportAsk["contents"],
): Arrivals {
  const { cache, store, settings } = core;
  const registry = spokenTo(settings)({ name: to.registry, scheme: "https" });
  const ref: Ref = { registry, repository: to.repository };
  needRoom(core, contents);
  return {
    world: "cached",
    has: async (digest, size) => {
      const stat = await store.blobs.stat(digest);
      if (stat?.isVerified !== true || stat.size !== size) return false;
      await cache.pulls.carried.bringBlob(ref, digest);
      return true;
    },
    blob: (digest, body) => keep(core, ref, digest, body),
    manifest: (manifest, bytes) => keepManifest(core, ref, manifest, bytes),
  };
}

function needRoom({ settings }: Core, contents: ImportAsk["contents"]): void {
  const { maxSize } = settings.cache;
  const total = contents.reduce((sum, { size }) => sum + size, 0);
  const tooLarge = contents.find(({ size }) => size > largestKept);
  if (tooLarge !== undefined) {
    const sentence = `${tooLarge.digest} has more than the 20 GiB that are kept of one blob`;
    throw new RegistryError("SIZE_INVALID", sentence);
  }
  if (total <= maxSize) return;
  const sentence = `it has ${total} bytes, and CACHE_MAX_SIZE lets ${maxSize} be kept in all`;
  throw new RegistryError("SIZE_INVALID", sentence);
}

async function keep(
  { store, cache }: Core,
  ref: Ref,
  digest: Digest,
  body: AsyncIterable<Uint8Array>,
): Promise<void> {
  try {
    const draft = await store.blobs.create();
    try {
      const hash = createHash(digestAlgorithm(digest));
      for await (const piece of body) {
        if (draft.written + piece.length > largestKept) throw otherBytes(digest);
        await draft.write(piece, draft.written);
        hash.update(piece);
      }
      const found = toDigest(digestAlgorithm(digest), hash.digest("hex"));
      if (found !== digest) throw otherBytes(digest);
      await draft.commit(digest, { isDurable: true });
      const { written: size } = draft;
      const { registry, repository } = ref;
      cache.pulls.stored({ registry: registry.name, repository, digest, size, isPatchwork: true });
    } finally {
      await draft.close();
    }
  } catch (error) {
    if (error instanceof StoreError) cache.room.missing(error);
    throw error;
  }
  await cache.pulls.carried.bringBlob(ref, digest);
  cache.room.taken();
}

async function keepManifest(
  core: Core,
  ref: Ref,
  { digest, mediaType, isNamed, tags }: CarriedManifest,
  bytes: Buffer,
): Promise<void> {
  const { carried } = core.cache.pulls;
  needDigest(digest, bytes);
  await needWhole(core, { digest, mediaType }, bytes);
  const hasBytes = (await core.store.blobs.stat(digest))?.isVerified === true;
  if (!hasBytes) await keep(core, ref, digest, Readable.from([bytes]));
  const manifest = { digest, mediaType, bytes };
  await carried.bringManifest(ref, manifest);
  for (const tag of tags) await carried.bringTag(ref, tag, manifest);
  if (!isNamed) return;
  await carried.brought(ref);
  const names = tags.length === 0 ? [digest] : tags;
  for (const reference of names)
    core.catalogue.brought({
      registry: ref.registry.name,
      repository: ref.repository,
      reference,
      digest,
    });
}

/** Throws RegistryError when it is no manifest, or when what an image lists is not here. */
async function needWhole(
  { store, cache }: Core,
  { digest, mediaType }: Pick<CarriedManifest, "digest" | "mediaType">,
  bytes: Buffer,
): Promise<void> {
  const manifest = readManifest(bytes, mediaType);
  if (manifest === undefined) {
    const sentence = `${digest} is no valid manifest of type ${mediaType.slice(0, 100)}`;
    throw new RegistryError("MANIFEST_INVALID", sentence);
  }
  for (const one of manifest.references) {
    if (one.kind === "manifest" || !one.isDistributable) continue;
    if (cache.pulls.carried.wellKnown(one.digest) !== undefined) continue;
    if ((await store.blobs.stat(one.digest)) !== undefined) continue;
    const sentence = `the blob ${one.digest}, which ${digest} needs, is not here`;
    throw new RegistryError("MANIFEST_BLOB_UNKNOWN", sentence);
  }
}
