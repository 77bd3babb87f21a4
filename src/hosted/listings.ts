/** Tags, repositories and referrers, in pages. */
import type { Digest } from "../protocol/digest.ts";
import { type Manifest, readManifest } from "../protocol/manifest.ts";
import type { RepositoryName } from "../protocol/reference.ts";
import { RegistryError } from "../protocol/registry-error.ts";
import type { Catalogue } from "./catalogue.ts";
import type { FoundManifest } from "./manifests.ts";
import { describe, unlessUnknown } from "./pushed-manifest.ts";

/** What a client asks for: `n` undefined is as many as there may be, `last` the one before the first. */
export type PageAsk = { readonly n: number | undefined; readonly last: string | undefined };

export type Page<Item> = {
  readonly items: readonly Item[];
  /** What the next page is asked for with; undefined on the last one. */
  readonly next: { readonly n: number; readonly last: string } | undefined;
};

/** A descriptor as referrers lists have it (OCI distribution-spec, listing referrers). */
export type Referrer = {
  readonly mediaType: string;
  readonly size: number;
  readonly digest: Digest;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
};

export type ListingsParts = {
  readonly catalogue: Catalogue;
  readonly read: (repository: RepositoryName, digest: Digest) => Promise<FoundManifest>;
};

/** More are not given at once, however many are asked for. */
const most = 1_000;
/** Clients take no manifest beyond 4 MiB, and a list of referrers is one. */
const mostBytes = 4 * 1024 * 1024 - 1024;

export class Listings {
  readonly #parts: ListingsParts;

  constructor(parts: ListingsParts) {
    this.#parts = parts;
  }

  /** Throws RegistryError NAME_UNKNOWN. */
  tags(repository: RepositoryName, ask: PageAsk): Page<string> {
    const its = this.#parts.catalogue.repository(repository);
    if (its === undefined) throw new RegistryError("NAME_UNKNOWN", "there is no such repository");
    return pageOf([...its.tags.keys()].sort(), ask);
  }

  repositories(mayPull: (name: RepositoryName) => boolean, ask: PageAsk): Page<string> {
    return pageOf(this.#parts.catalogue.names().filter(mayPull), ask);
  }

  /** Empty where nobody knows of the subject. */
  async referrers(
    repository: RepositoryName,
    subject: Digest,
    { artifactType, last }: { readonly artifactType: string | undefined; readonly last: string },
  ): Promise<Page<Referrer>> {
    const its = this.#parts.catalogue.repository(repository);
    const fitting = (its?.referrersOf(subject) ?? []).filter((digest) => {
      const type = its?.manifests.get(digest)?.artifactType;
      return digest > last && (artifactType === undefined || type === artifactType);
    });
    const items: Referrer[] = [];
    let bytes = 0;
    for (const digest of fitting) {
      const referrer = await this.#referrer(repository, digest);
      bytes += JSON.stringify(referrer ?? "").length + 1;
      const before = items.at(-1);
      if (before !== undefined && (items.length === most || bytes > mostBytes)) {
        return { items, next: { n: most, last: before.digest } };
      }
      if (referrer !== undefined) items.push(referrer);
    }
    return { items, next: undefined };
  }

  /** What it lists, wherever it was pushed to; undefined when nothing of that digest was, or its bytes are lost. */
  async manifestOf(digest: Digest): Promise<Manifest | undefined> {
    for (const [repository, { manifests }] of this.#parts.catalogue.repositories()) {
      if (!manifests.has(digest)) continue;
      const found = await this.#parts.read(repository, digest).catch(unlessUnknown);
      return found && readManifest(found.bytes, found.mediaType);
    }
    return undefined;
  }

  /** Undefined when it is gone meanwhile, or its bytes are lost. */
  async #referrer(repository: RepositoryName, digest: Digest): Promise<Referrer | undefined> {
    const found = await this.#parts.read(repository, digest).catch(unlessUnknown);
    if (found === undefined) return undefined;
    const { mediaType, bytes } = found;
    const { artifactType, annotations } = describe(bytes);
    return {
      ...{ mediaType, size: bytes.length, digest },
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(annotations === undefined ? {} : { annotations }),
    };
  }
}

function pageOf(sorted: readonly string[], { n = most, last }: PageAsk): Page<string> {
  const start = last === undefined ? 0 : sorted.findIndex((item) => item > last);
  const rest = start < 0 ? [] : sorted.slice(start);
  const items = rest.slice(0, Math.min(n, most));
  const end = items.at(-1);
  const isMore = end !== undefined && items.length < rest.length;
  return { items, next: isMore ? { n: items.length, last: end } : undefined };
}
