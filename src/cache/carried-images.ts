/**
 * Cached images as an operator carries them from one machine to another: what there is to take away, and
 * what is put here in a registry's name. What is put here is that registry's by origin, is believed of a
 * tag only while the registry cannot say, and is open to all only as long.
 */
import type { Digest } from "../protocol/digest.ts";
import type { Tag } from "../protocol/reference.ts";
import type { Registry } from "../protocol/registry-name.ts";
import { hasImported } from "./access/standing.ts";
import type { KeptManifest } from "./keeping/manifests.ts";
import { wellKnownBlob } from "./pull/well-known-blobs.ts";
import type { PullParts } from "./pull-parts.ts";
import type { RepositoryRef } from "./repository-ref.ts";

export type CarriedImagesParts = Pick<
  PullParts,
  "tags" | "manifests" | "repositoryBlobs" | "visibility" | "records"
>;

export class CarriedImages {
  readonly #parts: CarriedImagesParts;

  constructor(parts: CarriedImagesParts) {
    this.#parts = parts;
  }

  /** What the tag was last said to mean, of which the manifest is kept. */
  async meaning(ref: RepositoryRef, tag: Tag): Promise<Digest | undefined> {
    const { tags, manifests } = this.#parts;
    for (const { digest } of await tags.meanings({ ...ref, tag }))
      if ((await manifests.get(digest, ref.registry.name)) !== undefined) return digest;
    return undefined;
  }

  /** Undefined when it is not kept, or is another repository's. */
  async manifest(ref: RepositoryRef, digest: Digest): Promise<KeptManifest | undefined> {
    const { manifests, repositoryBlobs } = this.#parts;
    const isHeld = await repositoryBlobs.holds(ref, digest);
    return isHeld ? manifests.get(digest, ref.registry.name) : undefined;
  }

  /** Blobs that are known without being kept. */
  wellKnown(digest: Digest): Buffer | undefined {
    return wellKnownBlob(digest);
  }

  /** What of the repository is about each digest. Throws StoreError RECORDS. */
  async referrers(ref: RepositoryRef): Promise<ReadonlyMap<Digest, readonly Digest[]>> {
    const { manifests, repositoryBlobs } = this.#parts;
    const referrers = new Map<Digest, Digest[]>();
    for await (const digest of manifests.allOf(ref.registry.name)) {
      if (!(await repositoryBlobs.holds(ref, digest))) continue;
      const subject = (await manifests.read(digest))?.subject;
      if (subject === undefined) continue;
      referrers.set(subject, [...(referrers.get(subject) ?? []), digest]);
    }
    return referrers;
  }

  /** Its bytes are in the store. */
  bringBlob(ref: RepositoryRef, digest: Digest): Promise<void> {
    return this.#parts.repositoryBlobs.imported(ref, digest);
  }

  async bringManifest(ref: RepositoryRef, manifest: KeptManifest): Promise<void> {
    await this.#parts.manifests.keep(ref, manifest);
    await this.#parts.repositoryBlobs.imported(ref, manifest.digest);
  }

  /** Throws RegistryError DENIED where the tag never moves. */
  bringTag(ref: RepositoryRef, tag: Tag, { digest, mediaType, bytes }: KeptManifest) {
    return this.#parts.tags.imported({ ...ref, tag }, { digest, mediaType, size: bytes.length });
  }

  /** All of an image is here: it is open from now on, and in the records. */
  async brought(ref: RepositoryRef): Promise<void> {
    const { visibility, repositoryBlobs, manifests, tags } = this.#parts;
    await visibility.imported(ref);
    await Promise.all([manifests.flush(), repositoryBlobs.flush(), tags.flush()]);
    await visibility.flush();
  }

  /** Whether it is here because the operator put it here. */
  isImported(ref: RepositoryRef, digest: Digest): Promise<boolean> {
    return this.#parts.repositoryBlobs.isImported(ref, digest);
  }

  /** Whether anything of that registry was put here. */
  async hasAny({ name }: Registry): Promise<boolean> {
    return hasImported(this.#parts.records, name).catch(() => false);
  }
}
