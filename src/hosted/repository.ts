/** One hosted repository as it is now: what was uploaded, mounted and tagged there, and nothing else. */
import type { Digest } from "../protocol/digest.ts";
import type { Tag } from "../protocol/reference.ts";
import type { BlobLink, ContentChange, ManifestLink, TagLink } from "./pushed.ts";

export class Repository {
  readonly #blobs = new Map<Digest, BlobLink>();
  readonly #manifests = new Map<Digest, ManifestLink>();
  readonly #tags = new Map<Tag, TagLink>();
  /** Manifests by what they are about. */
  readonly #referrers = new Map<Digest, Set<Digest>>();
  #bytes = 0;

  get blobs(): ReadonlyMap<Digest, BlobLink> {
    return this.#blobs;
  }

  get manifests(): ReadonlyMap<Digest, ManifestLink> {
    return this.#manifests;
  }

  get tags(): ReadonlyMap<Tag, TagLink> {
    return this.#tags;
  }

  /** Of all blobs and manifests, those of other repositories too. */
  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#blobs.size + this.#manifests.size + this.#tags.size === 0;
  }

  referrersOf(subject: Digest): readonly Digest[] {
    return [...(this.#referrers.get(subject) ?? [])].sort();
  }

  tagsOf(digest: Digest): readonly Tag[] {
    return [...this.#tags].flatMap(([tag, link]) => (link.digest === digest ? [tag] : []));
  }

  /** A manifest that names this blob, or undefined. */
  namedBy(digest: Digest): Digest | undefined {
    for (const [manifest, { references }] of this.#manifests) {
      if (references.includes(digest)) return manifest;
    }
    return undefined;
  }

  apply(change: ContentChange): void {
    if (change.kind === "tag") put(this.#tags, change.tag, change.link);
    else if (change.kind === "manifest") this.#applyManifest(change.digest, change.link);
    else {
      this.#bytes += (change.link?.size ?? 0) - (this.#blobs.get(change.digest)?.size ?? 0);
      put(this.#blobs, change.digest, change.link);
    }
  }

  #applyManifest(digest: Digest, link: ManifestLink | undefined): void {
    const before = this.#manifests.get(digest);
    this.#bytes += (link?.size ?? 0) - (before?.size ?? 0);
    put(this.#manifests, digest, link);
    if (before?.subject !== undefined) this.#referrers.get(before.subject)?.delete(digest);
    if (link?.subject === undefined) return;
    const referrers = this.#referrers.get(link.subject) ?? new Set();
    this.#referrers.set(link.subject, referrers.add(digest));
  }
}

function put<Key, Value>(map: Map<Key, Value>, key: Key, value: Value | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
