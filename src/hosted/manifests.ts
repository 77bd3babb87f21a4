/** Manifests and tags of hosted repositories. */
import { randomUUID } from "node:crypto";
import { type Digest, digestAlgorithm, digestOf } from "../protocol/digest.ts";
import type { Reference, RepositoryName, Tag } from "../protocol/reference.ts";
import { RegistryError } from "../protocol/registry-error.ts";
import { BoundedMap } from "../runtime/bounded-map.ts";
import type { Clock } from "../runtime/clock.ts";
import { ownBytes } from "../runtime/own-bytes.ts";
import type { UploadFiles } from "../store/upload-files.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Contents } from "./contents.ts";
import { aftermath, notedManifests } from "./gc/aftermath.ts";
import { named, newLease, renewed } from "./leases.ts";
import type { Pulls } from "./pulls.ts";
import type { Change, ManifestLink } from "./pushed.ts";
import { neededBlobs, type PushedManifest } from "./pushed-manifest.ts";
import type { Repository } from "./repository.ts";

export type ManifestsParts = {
  readonly catalogue: Catalogue;
  readonly contents: Contents;
  readonly files: UploadFiles;
  readonly pulls: Pick<Pulls, "note">;
  /** Throws RegistryError DENIED when the tag is to stay as it is. */
  readonly letMove: (repository: RepositoryName, tag: Tag) => void;
  /** HOSTED_SPARSE: what a manifest names may be missing. */
  readonly isSparse: boolean;
  readonly clock: Clock;
  readonly lease: number;
};

export type FoundManifest = {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
};

type PutManifest = {
  readonly digest: Digest;
  readonly link: ManifestLink;
  /** Tags that led to something else. */
  readonly moved: readonly Tag[];
};

const memory = 16 * 1024 * 1024;

export class HostedManifests {
  readonly #parts: ManifestsParts;
  readonly #read = new BoundedMap<Digest, Uint8Array>({
    bytes: { limit: memory, of: ({ length }) => length + 512 },
  });

  constructor(parts: ManifestsParts) {
    this.#parts = parts;
  }

  /** For a client. With `isLeased` whoever hears of it may rely on it for a while. Throws RegistryError MANIFEST_UNKNOWN. */
  async pull(
    repository: RepositoryName,
    reference: Reference,
    isLeased: boolean,
  ): Promise<FoundManifest> {
    const { catalogue, clock, lease } = this.#parts;
    const { digest, link } = await this.#begun(repository, reference);
    const bytes = await this.#bytes(digest);
    if (isLeased && renewed(link, clock.now(), lease) !== undefined) {
      await catalogue.inTurn(repository, async () => {
        const now = catalogue.repository(repository)?.manifests.get(digest);
        if (now === undefined) throw unknown();
        const longer = renewed(now, clock.now(), lease);
        if (longer === undefined) return;
        await catalogue.write([{ kind: "manifest", repository, digest, link: longer }]);
      });
    }
    return { digest, mediaType: link.mediaType, bytes };
  }

  /** For ourselves. Throws RegistryError MANIFEST_UNKNOWN. */
  async read(repository: RepositoryName, digest: Digest): Promise<FoundManifest> {
    const link = this.#parts.catalogue.repository(repository)?.manifests.get(digest);
    if (link === undefined) throw unknown();
    return { digest, mediaType: link.mediaType, bytes: await this.#bytes(digest) };
  }

  /** Keeps it under its digest and these tags, all or none. Throws RegistryError and StoreError. */
  put(repository: RepositoryName, manifest: PushedManifest, tags: readonly Tag[]): Promise<void> {
    const { catalogue, letMove } = this.#parts;
    const { digest } = manifest;
    return catalogue.holding(digest, () =>
      catalogue.inTurn(repository, async () => {
        const its = catalogue.repository(repository);
        for (const tag of tags) {
          const before = its?.tags.get(tag)?.digest;
          if (before !== undefined && before !== digest) letMove(repository, tag);
        }
        await this.#needBlobs(its, manifest);
        await catalogue.arriving(digest);
        await this.#keep(manifest);
        await catalogue.write(this.#changes(repository, manifest, tags));
        this.#read.set(digest, ownBytes(manifest.bytes));
      }),
    );
  }

  /** A tag alone, or a digest with its tags; resolves with the digest. Throws RegistryError MANIFEST_UNKNOWN or DENIED. */
  delete(repository: RepositoryName, reference: Reference): Promise<Digest> {
    const { catalogue, letMove } = this.#parts;
    return catalogue.inTurn(repository, async () => {
      const its = catalogue.repository(repository);
      const digest = digestIn(its, reference);
      if (its === undefined || digest === undefined || !its.manifests.has(digest)) throw unknown();
      const tags = reference.kind === "tag" ? [reference.tag] : its.tagsOf(digest);
      for (const tag of tags) letMove(repository, tag);
      const changes: Change[] = tags.map((tag) => ({
        ...{ kind: "tag", repository, tag },
        link: undefined,
      }));
      const isWhole = reference.kind === "digest";
      if (isWhole) changes.push({ kind: "manifest", repository, digest, link: undefined });
      const gone = new Set(isWhole ? [digest] : []);
      const going = { gone, tags: new Set(tags) };
      changes.push(...aftermath(repository, its, going, this.#parts.clock.now()));
      await catalogue.write(changes);
      return digest;
    });
  }

  /** All images and tags of the repository. Throws RegistryError DENIED. */
  deleteAll(repository: RepositoryName): Promise<void> {
    const { catalogue, letMove } = this.#parts;
    return catalogue.inTurn(repository, async () => {
      const its = catalogue.repository(repository);
      const tags = [...(its?.tags.keys() ?? [])];
      for (const tag of tags) letMove(repository, tag);
      const gone = { repository, link: undefined } as const;
      await catalogue.write([
        ...tags.map((tag) => ({ ...gone, kind: "tag", tag }) as const),
        ...[...(its?.manifests.keys() ?? [])].map(
          (digest) => ({ ...gone, kind: "manifest", digest }) as const,
        ),
      ]);
    });
  }

  async #needBlobs(its: Repository | undefined, manifest: PushedManifest): Promise<void> {
    const { contents, isSparse } = this.#parts;
    if (isSparse) return;
    for (const { digest } of neededBlobs(manifest)) {
      const isLinked = its?.blobs.has(digest) === true;
      if (isLinked && (await contents.sizeOf(digest)) !== undefined) continue;
      const sentence = `this repository has no blob ${digest}, which the manifest names; push it first`;
      throw new RegistryError("MANIFEST_BLOB_UNKNOWN", sentence, { detail: { digest } });
    }
  }

  /** On the platter, as a blob of its own. */
  async #keep({ digest, bytes }: PushedManifest): Promise<void> {
    const draft = await this.#parts.files.create(randomUUID());
    try {
      await draft.write(bytes, 0);
      await draft.commit(digest, { isDurable: true });
    } finally {
      await draft.close();
    }
  }

  #changes(repository: RepositoryName, manifest: PushedManifest, tags: readonly Tag[]): Change[] {
    const { clock, catalogue } = this.#parts;
    const { digest, mediaType, kind, subject, artifactType, bytes } = manifest;
    const references = [...new Set(manifest.references.map((one) => one.digest))];
    const link: ManifestLink = {
      ...newLease(clock.now()),
      ...{ size: bytes.length, mediaType, kind, references, subject, artifactType },
    };
    const changes: Change[] = [{ kind: "manifest", repository, digest, link }];
    for (const tag of tags) {
      changes.push({ kind: "tag", repository, tag, link: { digest, pushedAt: clock.now() } });
    }
    const its = catalogue.repository(repository);
    if (its === undefined) return changes;
    const moved = tags.filter((tag) => its.tags.get(tag)?.digest !== digest);
    return [...changes, ...this.#beside(repository, its, { digest, link, moved })];
  }

  /** What it names needs no lease of its own much longer; what had its tags begins to be without. */
  #beside(
    repository: RepositoryName,
    its: Repository,
    { digest: own, link, moved }: PutManifest,
  ): Change[] {
    const now = this.#parts.clock.now();
    const manifests = new Map(notedManifests(its, { gone: new Set(), tags: new Set(moved) }, now));
    const changes: Change[] = [];
    for (const digest of link.references) {
      const blob = its.blobs.get(digest);
      const one = blob && named(blob, now);
      if (one !== undefined) changes.push({ kind: "blob", repository, digest, link: one });
      const manifest = manifests.get(digest) ?? its.manifests.get(digest);
      const other = manifest && named(manifest, now);
      if (other !== undefined) manifests.set(digest, other);
    }
    manifests.delete(own);
    for (const [digest, noted] of manifests) {
      changes.push({ kind: "manifest", repository, digest, link: noted });
    }
    return changes;
  }

  /** As it is once nothing is taking it away; from then on what it lists stays for a while. */
  async #begun(repository: RepositoryName, reference: Reference) {
    const { catalogue, pulls } = this.#parts;
    const tag = reference.kind === "tag" ? reference.tag : undefined;
    for (;;) {
      const its = catalogue.repository(repository);
      const digest = digestIn(its, reference);
      const link = digest && its?.manifests.get(digest);
      if (digest === undefined || link === undefined) throw unknown();
      if (!catalogue.isLeaving(repository, digest)) {
        // In the tick of the look, or whoever collects garbage could decide in between.
        pulls.note(repository, { tag, digest, references: link.references });
        return { digest, link };
      }
      await catalogue.inTurn(repository, async () => undefined);
    }
  }

  /** Throws RegistryError MANIFEST_UNKNOWN when the bytes are lost, or not those of the digest any more. */
  async #bytes(digest: Digest): Promise<Uint8Array> {
    const inMemory = this.#read.get(digest);
    if (inMemory !== undefined) return inMemory;
    const source = await this.#parts.contents.open(digest);
    if (source?.size === undefined) throw unknown();
    try {
      const bytes = Buffer.alloc(source.size);
      const signal = new AbortController().signal;
      for (let position = 0; position < bytes.length; ) {
        const length = await source.read(bytes.subarray(position), position, signal);
        if (length === 0) throw unknown();
        position += length;
      }
      // What a disk did to them since must not reach an engine that only compares a tag's header.
      if (digestOf(bytes, digestAlgorithm(digest)) === digest) {
        this.#read.set(digest, ownBytes(bytes));
        return bytes;
      }
    } finally {
      await source.close();
    }
    await this.#parts.contents.condemn(digest);
    throw unknown();
  }
}

function digestIn(its: Repository | undefined, reference: Reference): Digest | undefined {
  if (reference.kind === "digest") return reference.digest;
  return its?.tags.get(reference.tag)?.digest;
}

function unknown(): RegistryError {
  return new RegistryError("MANIFEST_UNKNOWN", "this repository has no such image");
}
