/**
 * Manifests by digest: served from memory, kept in the store with the media type each registry gave
 * them, hashed again whenever they are read back. The bytes are never rewritten.
 */
import type { Bookkeeping } from "../../download/bookkeeping.ts";
import { type Digest, digestAlgorithm, digestOf, parseDigest } from "../../protocol/digest.ts";
import {
  declaredType,
  type Manifest,
  maxManifestBytes,
  readManifest,
} from "../../protocol/manifest.ts";
import { bareMediaType } from "../../protocol/media-type.ts";
import type { RegistryName } from "../../protocol/registry-name.ts";
import type { Allowance } from "../../runtime/allowance.ts";
import { BoundedMap } from "../../runtime/bounded-map.ts";
import { FairMap } from "../../runtime/fair-map.ts";
import { ownBytes } from "../../runtime/own-bytes.ts";
import type { BlobReader, BlobStore } from "../../store/blob-store.ts";
import type { BlobVerification } from "../../store/blob-verification.ts";
import type { DraftStore } from "../../store/draft-store.ts";
import type { Json, RecordStore } from "../../store/record-store.ts";
import { StoreError } from "../../store/store-error.ts";
import type { Observe } from "../cache-event.ts";
import { CachedRecords } from "../cached-records.ts";
import { accountOf, type RepositoryRef, repositoryNames } from "../repository-ref.ts";
import type { ArchivedBlobs } from "./archived-blobs.ts";
import type { Usage } from "./usage.ts";

export type KeptManifest = {
  readonly digest: Digest;
  /** Exactly as this registry's Content-Type said. */
  readonly mediaType: string;
  readonly bytes: Buffer;
};

export type ManifestsOptions = {
  readonly blobs: BlobStore & BlobVerification;
  readonly drafts: DraftStore;
  readonly records: RecordStore;
  readonly newRecords?: Pick<Allowance, "take"> | undefined;
  readonly archived?: Pick<ArchivedBlobs, "read"> | undefined;
  readonly usage: Pick<Usage, "used">;
  readonly books: Bookkeeping;
  readonly observe: Observe;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Bytes of manifests in memory; 16 MiB. */
  readonly limit?: number;
};

/** The media type by registry: one registry's word about bytes is not another's. */
type Types = ReadonlyMap<string, string>;

const prefix = "manifest/";
const mostTypes = 16;
/** Bytes that an entry takes beside its own: two objects, its place in the map, room lost between allocations. */
const perEntry = 1_024;
/** Of bytes that name no type, or break a limit. */
const none = "";

export class Manifests {
  readonly #options: ManifestsOptions;
  readonly #bytes: FairMap<Digest, Buffer>;
  readonly #types: CachedRecords<Types>;
  /** When each was last served, oldest first. */
  readonly #served = new BoundedMap<Digest, number>({ limit: 10_000 });
  /** The type that the bytes themselves name. */
  readonly #declared = new BoundedMap<Digest, string>({ limit: 10_000 });
  readonly #writing = new Set<Promise<void>>();
  readonly #storing = new Map<Digest, Promise<void>>();

  constructor(options: ManifestsOptions) {
    this.#options = options;
    const { records, observe, newRecords, limit = 16 * 1024 * 1024 } = options;
    this.#bytes = new FairMap({ bytes: { limit, of: ({ length }) => length + perEntry } });
    this.#types = new CachedRecords({
      ...{ records, observe, newRecords, read, print },
      prefix,
      limit: 50_000,
    });
  }

  /** The manifest as this registry gave it; undefined when it is not kept, or not from there. */
  async get(digest: Digest, registry: RegistryName): Promise<KeptManifest | undefined> {
    const { isKnown, fact } = this.#types.peek(digest);
    const types = isKnown ? fact : await this.#types.get(digest);
    if (types === undefined) return undefined;
    const bytes = this.#bytes.get(digest) ?? (await this.#load(digest));
    if (bytes === undefined) return undefined;
    const mediaType = types.get(registry) ?? this.#declaredType(digest, bytes, types);
    if (mediaType === undefined) return undefined;
    this.used(digest);
    return { digest, mediaType, bytes };
  }

  /** Somebody gets it. */
  used(digest: Digest): void {
    this.#options.usage.used(digest);
    this.#served.set(digest, this.#options.now());
  }

  /** Those served from that time on, and when last; oldest first. */
  servedSince(since: number): { readonly digest: Digest; readonly at: number }[] {
    const served: { readonly digest: Digest; readonly at: number }[] = [];
    for (const [digest, at] of this.#served.entries()) if (at >= since) served.push({ digest, at });
    return served;
  }

  /** Serves it from now on and writes it to the store; what the disk does not take stays in memory. */
  async keep(ref: RepositoryRef, manifest: KeptManifest): Promise<void> {
    const { digest, mediaType, bytes } = manifest;
    const by = accountOf(ref);
    const typed = (before: Types | undefined) => withType(before, ref.registry.name, mediaType);
    await this.#types.update(digest, typed, by);
    this.#bytes.set(digest, ownBytes(bytes), by);
    this.#served.set(digest, this.#options.now());
    const storing = this.#store(ref, manifest).finally(() => {
      if (this.#storing.get(digest) === storing) this.#storing.delete(digest);
      this.#writing.delete(storing);
    });
    this.#storing.set(digest, storing);
    this.#writing.add(storing);
  }

  /** Whether this registry gave it as a manifest. */
  async isOne(digest: Digest, registry: RegistryName): Promise<boolean> {
    const { isKnown, fact } = this.#types.peek(digest);
    const types = isKnown ? fact : await this.#types.get(digest);
    return types?.has(registry) === true;
  }

  /** The bytes alone, also while they are still being written; for who was let have them. */
  async bytesOf(digest: Digest): Promise<Buffer | undefined> {
    const inMemory = this.#bytes.get(digest);
    if (inMemory !== undefined) return inMemory;
    await this.#storing.get(digest);
    return this.#load(digest);
  }

  /** Those that this registry gave, kept or not any more. Throws StoreError RECORDS. */
  async *allOf(registry: RegistryName): AsyncIterable<Digest> {
    await this.#types.flush();
    for await (const { key, value } of this.#options.records.list(prefix)) {
      const digest = parseDigest(key.slice(prefix.length));
      if (digest !== undefined && read(value)?.has(registry) === true) yield digest;
    }
  }

  /** What a kept manifest refers to; undefined when it is none that is kept or understood. */
  async read(digest: Digest): Promise<Manifest | undefined> {
    const types = await this.#types.get(digest);
    const bytes =
      this.#bytes.get(digest) ?? (types === undefined ? undefined : await this.#load(digest));
    if (bytes === undefined || types === undefined) return undefined;
    for (const type of new Set([...types.values()].map(bareMediaType))) {
      const manifest = readManifest(bytes, type);
      if (manifest !== undefined) return manifest;
    }
    return undefined;
  }

  /** The bytes are gone from the store, or wrong. */
  forget(digest: Digest): void {
    this.#bytes.delete(digest);
    const { isKnown, fact } = this.#types.peek(digest);
    if (!isKnown || fact !== undefined) this.#types.delete(digest);
  }

  /** Resolves when everything kept so far is in the store, or could not be written. */
  async flush(): Promise<void> {
    await Promise.all(this.#writing);
    await this.#types.flush();
  }

  async #load(digest: Digest): Promise<Buffer | undefined> {
    try {
      const reader = await this.#options.blobs.open(digest);
      if (reader === undefined) return await this.#loadArchived(digest);
      try {
        const bytes = await readWhole(reader);
        if (bytes !== undefined && digestOf(bytes, digestAlgorithm(digest)) === digest) {
          this.#bytes.set(digest, ownBytes(bytes));
          return bytes;
        }
        if (await this.#options.blobs.condemn(digest, reader.place.identity)) this.#wrong(digest);
      } finally {
        await reader.close();
      }
    } catch (error) {
      this.#options.observe({ kind: "diskFailed", error });
    }
    return undefined;
  }

  async #loadArchived(digest: Digest): Promise<Buffer | undefined> {
    const bytes = await this.#options.archived?.read(digest, maxManifestBytes);
    const isIt = bytes !== undefined && digestOf(bytes, digestAlgorithm(digest)) === digest;
    if (isIt) this.#bytes.set(digest, ownBytes(bytes));
    return isIt ? bytes : undefined;
  }

  /** A type the bytes themselves name, and that some registry gave, holds for every registry. */
  #declaredType(digest: Digest, bytes: Buffer, types: Types): string | undefined {
    // Parsed once, not by each registry's every ask.
    const declared = this.#declared.get(digest) ?? declaredType(bytes) ?? none;
    this.#declared.set(digest, declared);
    return [...types.values()].find((type) => bareMediaType(type) === declared);
  }

  #wrong(digest: Digest): void {
    const { books, observe } = this.#options;
    books.gone(digest);
    observe({ kind: "blobCorrupted", digest, foundBy: "recheck" });
  }

  async #store(ref: RepositoryRef, { digest, bytes }: KeptManifest): Promise<void> {
    const { blobs, drafts, books, observe } = this.#options;
    try {
      if ((await blobs.stat(digest)) !== undefined) return;
      const draft = await drafts.create();
      try {
        await draft.write(bytes, 0);
        await draft.commit(digest);
        const stored = { ...repositoryNames(ref), digest, size: bytes.length };
        books.stored(stored);
        observe({ kind: "blobStored", ...stored });
      } finally {
        await draft.close();
      }
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== "PAUSED")
        observe({ kind: "diskFailed", error });
    }
  }
}

function withType(before: Types | undefined, registry: string, type: string): Types | undefined {
  if (before?.get(registry) === type) return undefined;
  const after = new Map(before).set(registry, type);
  const [oldest] = after.keys();
  if (after.size > mostTypes && oldest !== undefined) after.delete(oldest);
  return after;
}

async function readWhole(reader: BlobReader): Promise<Buffer | undefined> {
  if (reader.size > maxManifestBytes) return undefined;
  const bytes = Buffer.alloc(reader.size);
  let length = 0;
  while (length < bytes.length) {
    const more = await reader.read(bytes.subarray(length), length);
    if (more === 0) return undefined;
    length += more;
  }
  return bytes;
}

function read(value: Json): Types | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return new Map(Object.entries(value).map(([registry, type]) => [registry, String(type)]));
}

function print(types: Types): Json {
  return Object.fromEntries(types);
}
