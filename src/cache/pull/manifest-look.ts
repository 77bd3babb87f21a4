/**
 * One look at a manifest that was served a while ago, for what its client had no need to ask for:
 * parts that it had from another repository of that registry, and the config of what is no image.
 * Nothing here goes upstream with a client's login, and no registry is asked for what it did not
 * give us itself: it would learn what is kept from others.
 */
import type { Digest } from "../../protocol/digest.ts";
import type { ManifestReference } from "../../protocol/manifest.ts";
import { resolveAccept } from "../../protocol/media-type.ts";
import type { Access, RegistryClient } from "../../upstream/registry-client.ts";
import type { RepositoryBlobs } from "../access/repository-blobs.ts";
import type { Visibility } from "../access/visibility.ts";
import { headManifest, type ManifestAnswer } from "../asking/manifest-asks.ts";
import type { KeptBlobs } from "../keeping/kept-blobs.ts";
import type { Manifests } from "../keeping/manifests.ts";
import type { BlobAsk } from "../pull-ask.ts";
import type { Generations, RepositoryRef } from "../repository-ref.ts";
import { Decision } from "../why.ts";
import { provenBlob } from "./blob-downloads.ts";
import { imagesIn } from "./completeness.ts";
import { firstAllowed } from "./first-allowed.ts";
import { wellKnownBlob } from "./well-known-blobs.ts";

export type ManifestLookParts = {
  readonly client: RegistryClient;
  readonly visibility: Visibility;
  readonly repositoryBlobs: RepositoryBlobs;
  readonly manifests: Manifests;
  readonly kept: KeptBlobs;
  readonly generations: Generations;
  /** Fetches a blob behind everybody's back. */
  readonly bringIn: (ask: BlobAsk) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

/** Questions to the registry in one look. */
const most = 64;
/** Bytes of a config that is fetched though nobody asked; those of images have some ten thousand. */
const largestConfig = 256 * 1024;
/** Indexes of indexes exist; deeper ones are not images. */
const deepest = 4;

/** As anybody, or with the operator's login where that opens the repository. */
const access: Access = { kind: "anonymous" };

export class ManifestLook {
  readonly #parts: ManifestLookParts;
  readonly #ref: RepositoryRef;
  readonly #signal: AbortSignal;
  #left = most;

  constructor(parts: ManifestLookParts, ref: RepositoryRef, signal: AbortSignal) {
    this.#parts = parts;
    this.#ref = ref;
    this.#signal = signal;
  }

  /** Whether all that clients of it ask for is now known to be here; of an index, of one of its images. */
  async settle(digest: Digest): Promise<boolean> {
    return (await this.#isOpen(this.#ref)) && this.#isWhole(digest, 0);
  }

  async #isOpen(ref: RepositoryRef): Promise<boolean> {
    return (await this.#parts.visibility.openNames({ ...ref, access })).length > 0;
  }

  async #isWhole(digest: Digest, depth: number): Promise<boolean> {
    const manifest = await this.#parts.manifests.read(digest);
    if (manifest === undefined || depth > deepest) return false;
    if (manifest.kind === "image") return this.#hasBlobs(manifest.references);
    let isOneWhole = false;
    for (const child of imagesIn(manifest.references))
      if (await this.#hasManifest(child.digest))
        isOneWhole = (await this.#isWhole(child.digest, depth + 1)) || isOneWhole;
    return isOneWhole;
  }

  async #hasBlobs([config, ...layers]: readonly ManifestReference[]): Promise<boolean> {
    let hasLayers = true;
    for (const layer of layers)
      if (layer.isDistributable && !(await this.#hasBlob(layer.digest))) hasLayers = false;
    if (config === undefined || (await this.#hasBlob(config.digest))) return hasLayers;
    // Who only looked at the manifest wants nothing of it.
    if (hasLayers && layers.length > 0 && config.size <= largestConfig)
      this.#parts.bringIn(this.#ask(config.digest));
    return false;
  }

  async #hasBlob(digest: Digest): Promise<boolean> {
    const { kept, repositoryBlobs } = this.#parts;
    if (wellKnownBlob(digest) !== undefined) return true;
    const stat = await kept.stat(digest);
    if (stat === undefined) return false;
    if (await repositoryBlobs.holds(this.#ref, digest)) return true;
    if (!(await this.#mayAsk(digest))) return false;
    const said = this.#now();
    const ask = this.#ask(digest);
    const { answer, access: its } = await provenBlob(this.#parts, ask, stat.size);
    if (answer.kind === "unavailable") this.#left = 0;
    if (answer.kind !== "given") return false;
    return repositoryBlobs.confirmed(this.#ref, digest, { ...said, access: its });
  }

  async #hasManifest(digest: Digest): Promise<boolean> {
    const { manifests, repositoryBlobs, visibility } = this.#parts;
    if ((await manifests.read(digest)) === undefined) return false;
    if (await repositoryBlobs.holds(this.#ref, digest)) return true;
    if (!(await this.#mayAsk(digest))) return false;
    const said = this.#now();
    const asker = { ...this.#ref, access };
    const head = (own: Access) => this.#head(digest, own);
    const { answer, access: its } = await firstAllowed<ManifestAnswer>(visibility, asker, head);
    if (answer.kind === "unavailable") this.#left = 0;
    if (answer.kind !== "found" || answer.digest !== digest) return false;
    return repositoryBlobs.confirmed(this.#ref, digest, { ...said, access: its });
  }

  /** Only what that very registry gave us, to others than one with a login of his own. */
  async #mayAsk(digest: Digest): Promise<boolean> {
    if (this.#left <= 0) return false;
    const { repositoryBlobs } = this.#parts;
    if (!(await repositoryBlobs.cameFrom(this.#ref, digest, (ref) => this.#isOpen(ref))))
      return false;
    this.#left -= 1;
    return true;
  }

  async #head(digest: Digest, own: Access): Promise<ManifestAnswer> {
    const answer = await headManifest(this.#parts.client, {
      ...{ ...this.#ref, access: own, accept: resolveAccept, patience: "full" },
      reference: { kind: "digest", digest },
      signal: this.#signal,
    });
    return answer ?? { kind: "unkept", isManifest: false };
  }

  #now() {
    const { generations, now } = this.#parts;
    return { generation: generations.of(this.#ref), at: now() };
  }

  #ask(digest: Digest): BlobAsk {
    return {
      ...{ ...this.#ref, digest, access, range: undefined, signal: this.#signal },
      ...{ isHead: false, noCache: false, isMirror: false, decision: new Decision() },
    };
  }
}
