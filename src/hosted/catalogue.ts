/**
 * Everything that was pushed here, in memory, so that answers wait for no record. Changed by writing
 * first: what is in memory is on the platter, and every digest in it is held.
 */
import type { Digest } from "../protocol/digest.ts";
import type { RepositoryName } from "../protocol/reference.ts";
import { KeyedMutex } from "../runtime/keyed-mutex.ts";
import type { Holds } from "../store/holds.ts";
import type { PushedRecords } from "../store/pushed-records.ts";
import {
  type Change,
  type ContentChange,
  changeFrom,
  type KeptUpload,
  recordOf,
} from "./pushed.ts";
import { Repository } from "./repository.ts";

export class Catalogue {
  readonly #records: PushedRecords;
  readonly #holds: Holds;
  readonly #repositories = new Map<RepositoryName, Repository>();
  /** Where each blob was uploaded or mounted. */
  readonly #places = new Map<Digest, Set<RepositoryName>>();
  readonly #turns = new KeyedMutex<RepositoryName>();
  readonly #uploads = new Map<string, KeptUpload>();

  /** Reads it all. Throws StoreError RECORDS: without it nobody knows what may not be thrown away. */
  static async load(records: PushedRecords, holds: Holds): Promise<Catalogue> {
    const catalogue = new Catalogue(records, holds);
    for await (const record of records.list()) {
      const change = changeFrom(record);
      if ("digest" in change) holds.hold(change.digest);
      catalogue.#apply(change);
    }
    return catalogue;
  }

  private constructor(records: PushedRecords, holds: Holds) {
    this.#records = records;
    this.#holds = holds;
  }

  repository(name: RepositoryName): Repository | undefined {
    return this.#repositories.get(name);
  }

  /** Those that have an image, in ASCII order. */
  names(): readonly RepositoryName[] {
    return [...this.#repositories]
      .flatMap(([name, { manifests }]) => (manifests.size > 0 ? [name] : []))
      .sort();
  }

  repositories(): Iterable<readonly [RepositoryName, Repository]> {
    return this.#repositories;
  }

  /** Where this blob was uploaded or mounted. */
  placesOf(digest: Digest): readonly RepositoryName[] {
    return [...(this.#places.get(digest) ?? [])];
  }

  /** Sessions that the last clean stop left. */
  keptUploads(): ReadonlyMap<string, KeptUpload> {
    return this.#uploads;
  }

  /** Looks and writes without anybody changing this repository in between. */
  inTurn<Result>(name: RepositoryName, work: () => Promise<Result>): Promise<Result> {
    return this.#turns.run(name, work);
  }

  /** Nobody takes the bytes of this digest away while the work goes on. */
  async holding<Result>(digest: Digest, work: () => Promise<Result>): Promise<Result> {
    this.#holds.hold(digest);
    try {
      return await work();
    } finally {
      this.#holds.release(digest);
    }
  }

  /**
   * Writes all of it or none, and resolves once it survives a power cut. What comes must be on the
   * platter before. Throws StoreError.
   */
  async write(changes: readonly Change[]): Promise<void> {
    const coming = changes.flatMap((change) =>
      "digest" in change && change.link !== undefined ? [change.digest] : [],
    );
    for (const digest of coming) this.#holds.hold(digest);
    try {
      await this.#records.write(changes.map(recordOf));
    } catch (error) {
      for (const digest of coming) this.#holds.release(digest);
      throw error;
    }
    for (const change of changes) this.#apply(change);
  }

  #apply(change: Change): void {
    if (change.kind !== "upload") this.#applyContent(change);
    else if (change.link === undefined) this.#uploads.delete(change.id);
    else this.#uploads.set(change.id, change.link);
  }

  /** The holds of what comes are taken already; what goes, or is overwritten, gives its own back. */
  #applyContent(change: ContentChange): void {
    const name = change.repository;
    const repository = this.#repositories.get(name) ?? new Repository();
    if (change.kind === "blob") {
      if (repository.blobs.has(change.digest)) this.#holds.release(change.digest);
      this.#place(change.digest, name, change.link !== undefined);
    }
    if (change.kind === "manifest" && repository.manifests.has(change.digest)) {
      this.#holds.release(change.digest);
    }
    repository.apply(change);
    if (repository.isEmpty) this.#repositories.delete(name);
    else this.#repositories.set(name, repository);
  }

  #place(digest: Digest, name: RepositoryName, isThere: boolean): void {
    const places = this.#places.get(digest) ?? new Set();
    if (isThere) this.#places.set(digest, places.add(name));
    else if (places.delete(name) && places.size === 0) this.#places.delete(digest);
  }
}
