/** Images on their way out: what there is of them is held where it is until all of it was read. */

import { MemorySource } from "../../cache/pull/memory-source.ts";
import type {
  CarriedContent,
  ExportAsk,
  ExportPlan,
  ExportUnderWay,
} from "../../doors/back-office/carried-images.ts";
import type { ByteSource } from "../../download/byte-source.ts";
import type { Digest } from "../../protocol/digest.ts";
import { maxManifestBytes } from "../../protocol/manifest.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import type { Core } from "./core.ts";
import { contentsOf } from "./hosted.ts";
import { ImageContents } from "./image-contents.ts";
import { type Shelf, shelfOf } from "./shelf.ts";

type Kept = {
  readonly core: Core;
  readonly held: Set<Digest>;
  /** Where the bytes of each manifest are to be had. */
  readonly manifests: Map<Digest, Shelf>;
};

/** Throws RegistryError when there is no such image, or not all of it is here. */
export async function beginExport(core: Core, ask: ExportAsk): Promise<ExportUnderWay> {
  const kept: Kept = { core, held: new Set(), manifests: new Map() };
  const release = async (): Promise<void> => {
    for (const digest of kept.held) core.store.holds.release(digest);
    kept.held.clear();
  };
  try {
    const plan = await planOf(kept, ask);
    const planned = new Set(plan.contents.map(({ digest }) => digest));
    return {
      plan,
      open: async (digest) => (planned.has(digest) ? open(kept, digest) : undefined),
      release,
    };
  } catch (error) {
    await release();
    throw error;
  }
}

async function planOf(kept: Kept, { images, platforms }: ExportAsk): Promise<ExportPlan> {
  const names = new Map<string, ExportPlan["names"][number]>();
  const contents = new Map<Digest, CarriedContent>();
  for (const { reference, ...place } of images) {
    const shelf = shelfOf(kept.core, place);
    if (shelf === undefined) {
      const sentence = `nothing was pushed to ${place.registry}/${place.repository}`;
      throw new RegistryError("MANIFEST_UNKNOWN", sentence);
    }
    const sizeOf = (digest: Digest) => heldSize(kept, digest);
    const platformIn = (config: Digest) => saidPlatform(kept, config);
    const its = new ImageContents({ place, shelf, sizeOf, platformIn, platforms });
    await its.add(reference);
    for (const name of its.names) names.set(name.name, name);
    for (const [digest, content] of its.contents) {
      contents.set(digest, content);
      if (!content.isManifest) continue;
      kept.manifests.set(digest, shelf);
      hold(kept, digest);
    }
  }
  return { names: [...names.values()], contents: [...contents.values()] };
}

/** Held first, then looked at. */
async function heldSize(kept: Kept, digest: Digest): Promise<number | undefined> {
  const { store, cache } = kept.core;
  hold(kept, digest);
  const size = (await store.blobs.stat(digest))?.size ?? cache.archiving?.sizeOf(digest);
  return size ?? cache.pulls.carried.wellKnown(digest)?.length;
}

function hold({ core, held }: Kept, digest: Digest): void {
  if (!held.has(digest)) core.store.holds.hold(digest);
  held.add(digest);
}

async function open({ core, manifests }: Kept, digest: Digest): Promise<ByteSource | undefined> {
  const { store, cache } = core;
  const manifest = await manifests.get(digest)?.manifest(digest);
  if (manifest !== undefined) return new MemorySource(Buffer.from(manifest.bytes));
  const kept = await contentsOf(store.blobs, cache).open(digest);
  const known = kept === undefined ? cache.pulls.carried.wellKnown(digest) : undefined;
  return known === undefined ? kept : new MemorySource(known);
}

/** As an image's config says it; undefined when it says nothing. */
async function saidPlatform(kept: Kept, config: Digest): Promise<string | undefined> {
  const size = await heldSize(kept, config);
  if (size === undefined || size > maxManifestBytes) return undefined;
  const source = await open(kept, config);
  if (source === undefined) return undefined;
  try {
    const { os, architecture, variant } = JSON.parse(
      (await readAll(source, size)).toString("utf8"),
    );
    const parts = [os, architecture, variant].filter((part) => typeof part === "string" && part);
    return parts.length < 2 ? undefined : parts.join("/");
  } catch {
    return undefined;
  } finally {
    await source.close();
  }
}

async function readAll(source: ByteSource, size: number): Promise<Buffer> {
  const bytes = Buffer.alloc(size);
  const { signal } = new AbortController();
  for (let position = 0; position < size; ) {
    const length = await source.read(bytes.subarray(position), position, signal);
    if (length === 0) break;
    position += length;
  }
  return bytes;
}
