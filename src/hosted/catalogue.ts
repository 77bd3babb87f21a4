/**
 * Everything that was pushed here, in memory, so that answers wait for no record. Changed by writing
 * first: what is in memory is on the platter, and every digest in it is held.
 */
import type { Digest } from "../protocol/digest.ts";
import type { RepositoryName, Tag } from "../protocol/reference.ts";
import { KeyedMutex } from "../runtime/keyed-mutex.ts";
import type { Holds } from "../store/holds.ts";
import type { PushedRecords } from "../store/pushed-records.ts";
import { StoreError } from "../store/store-error.ts";
import { Doubts } from "./doubts.ts";
import {
  type Change,
  type ContentChange,
  changeFrom,
  type KeptUpload,
  keyOf,
  type LooseChange,
  type PullChange,
  recordOf,
  type Unreadable,
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
  readonly #pulls = new Map<RepositoryName, Map<Tag | Digest, number>>();
  /** Records that make no sense, by key. */
  readonly #unreadable = new Map<string, Unreadable>();
  /** Bytes that were to get a name here, or lost one. */
  readonly #loose = new Set<Digest>();
  readonly #doubts = new Doubts((digest) => this.#holds.release(digest));
  /** What a write under way takes out of each repository. */
  readonly #leaving = new Map<RepositoryName, ReadonlySet<Digest>>();

  /** Reads it all. Throws StoreError RECORDS: without it nobody knows what may not be thrown away. */
  static async load(records: PushedRecords, holds: Holds): Promise<Catalogue> {
    const catalogue = new Catalogue(records, holds);
    for await (const record of records.list()) {
      const change = changeFrom(record);
      if (change.kind === "unreadable") catalogue.#unreadable.set(change.key, change);
      const digest = heldBy(change);
      if (digest !== undefined) holds.hold(digest);
      if (change.kind !== "unreadable") catalogue.#apply(change);
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

  /** When what is there was pulled last, as it was written down. */
  pullsOf(name: RepositoryName): ReadonlyMap<Tag | Digest, number> {
    return this.#pulls.get(name) ?? new Map();
  }

  /** The same of all repositories, also of those that are gone. */
  pulls(): Iterable<readonly [RepositoryName, ReadonlyMap<Tag | Digest, number>]> {
    return this.#pulls;
  }

  /** Keys of records that make no sense: whatever they refer to is to stay. */
  unreadable(name?: RepositoryName): readonly string[] {
    const all = [...this.#unreadable.values()];
    return all.filter((one) => (name ?? one.repository) === one.repository).map(({ key }) => key);
  }

  /**
   * Said before bytes are put under their digest: a crash before anything names them
   * leaves them to the next collection of garbage. Throws StoreError.
   */
  async arriving(digest: Digest): Promise<void> {
    if (this.#loose.has(digest) || this.isNamed(digest)) return;
    await this.write([{ kind: "loose", digest, link: true }]);
  }

  /** Bytes that have no name here yet, or lost one and may have kept another. */
  loose(): readonly Digest[] {
    return [...this.#loose];
  }

  /** Whether a repository names it, or may: then its bytes are to stay. */
  isNamed(digest: Digest): boolean {
    return this.#places.has(digest) || this.namesOf(digest) > 0;
  }

  /** In how many places it is named, or may be. */
  namesOf(digest: Digest): number {
    let names = this.#places.get(digest)?.size ?? 0;
    for (const one of this.#unreadable.values()) if (one.digest === digest) names += 1;
    for (const { manifests } of this.#repositories.values()) if (manifests.has(digest)) names += 1;
    return names;
  }

  /** Bytes that are gone, or that another name keeps; not while a name of them is being taken away. */
  async settle(digests: readonly Digest[]): Promise<void> {
    const isLeft = (digest: Digest): boolean =>
      [...this.#leaving.values()].some((leaving) => leaving.has(digest));
    const settled = digests.filter((digest) => !isLeft(digest));
    await this.write(settled.map((digest) => ({ kind: "loose", digest, link: undefined })));
  }

  /** Whether a write under way takes it away: whoever wants it waits for its turn, and looks again. */
  isLeaving(name: RepositoryName, digest: Digest): boolean {
    return this.#leaving.get(name)?.has(digest) === true;
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
   * platter before; bytes that lose a name are loose from then on. Throws StoreError.
   */
  async write(changes: readonly Change[]): Promise<void> {
    const coming = changes.flatMap((change) => (change.link === undefined ? [] : heldBy(change)));
    const held = coming.filter((digest) => digest !== undefined);
    const going = changes.filter(isGoing);
    const all = [...changes, ...this.#loosened(held, going)];
    for (const digest of held) this.#holds.hold(digest);
    this.#leave(going);
    const back = this.#doubts.begin(all);
    try {
      await this.#records.write([...all, ...back.map((one) => this.#asItIs(one))].map(recordOf));
    } catch (error) {
      if (isUnwritten(error)) for (const digest of held) this.#holds.release(digest);
      else this.#doubts.doubt(all, held);
      throw error;
    } finally {
      this.#doubts.end(all);
      for (const { repository } of going) this.#leaving.delete(repository);
    }
    for (const change of all) this.#apply(change);
    this.#doubts.settle([...all, ...back]);
  }

  /** What comes has a name from then on; what goes lost one. */
  #loosened(coming: readonly Digest[], going: readonly Going[]): readonly LooseChange[] {
    const lost = new Set(going.map(({ digest }) => digest));
    const named = coming.filter((digest) => this.#loose.has(digest) && !lost.has(digest));
    return [
      ...named.map((digest): LooseChange => ({ kind: "loose", digest, link: undefined })),
      ...[...lost].map((digest): LooseChange => ({ kind: "loose", digest, link: true })),
    ];
  }

  /** What is known of the same, as it was told to clients. */
  #asItIs(change: Change): Change {
    if (change.kind === "upload") return { ...change, link: this.#uploads.get(change.id) };
    if (change.kind === "loose") {
      return { ...change, link: this.#loose.has(change.digest) ? true : undefined };
    }
    const { repository } = change;
    if (change.kind === "pulled") {
      return { ...change, link: this.#pulls.get(repository)?.get(change.reference) };
    }
    const known = this.#repositories.get(repository);
    if (change.kind === "blob") return { ...change, link: known?.blobs.get(change.digest) };
    if (change.kind === "manifest") return { ...change, link: known?.manifests.get(change.digest) };
    return { ...change, link: known?.tags.get(change.tag) };
  }

  /** One write at a time takes something out of a repository: it has the turn. */
  #leave(going: readonly Going[]): void {
    for (const [name, its] of Map.groupBy(going, ({ repository }) => repository)) {
      this.#leaving.set(name, new Set(its.map(({ digest }) => digest)));
    }
  }

  #apply(change: Change): void {
    if (change.kind === "upload") put(this.#uploads, change.id, change.link);
    else if (change.kind === "pulled") this.#applyPull(change);
    else if (change.kind !== "loose") this.#applyContent(change);
    else if (change.link === undefined) this.#loose.delete(change.digest);
    else this.#loose.add(change.digest);
  }

  #applyPull({ repository, reference, link }: PullChange): void {
    const its = this.#pulls.get(repository) ?? new Map<Tag | Digest, number>();
    put(its, reference, link);
    if (its.size === 0) this.#pulls.delete(repository);
    else this.#pulls.set(repository, its);
  }

  /** The holds of what comes are taken already; what goes, or is overwritten, gives its own back. */
  #applyContent(change: ContentChange): void {
    const name = change.repository;
    const repository = this.#repositories.get(name) ?? new Repository();
    this.#readable(keyOf(change));
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

  /** What made no sense was written over. */
  #readable(key: string): void {
    const digest = this.#unreadable.get(key)?.digest;
    if (this.#unreadable.delete(key) && digest !== undefined) this.#holds.release(digest);
  }

  #place(digest: Digest, name: RepositoryName, isThere: boolean): void {
    const places = this.#places.get(digest) ?? new Set();
    if (isThere) this.#places.set(digest, places.add(name));
    else if (places.delete(name) && places.size === 0) this.#places.delete(digest);
  }
}

type Going = Extract<ContentChange, { readonly kind: "blob" | "manifest" }>;

function isGoing(change: Change): change is Going {
  return (change.kind === "blob" || change.kind === "manifest") && change.link === undefined;
}

/** Whether it is certain that nothing was written. */
function isUnwritten(error: unknown): boolean {
  return error instanceof StoreError && error.code === "FULL";
}

/** The bytes that a record keeps. */
function heldBy(change: Change | Unreadable): Digest | undefined {
  const isTheirs = change.kind === "blob" || change.kind === "manifest";
  return isTheirs || change.kind === "unreadable" ? change.digest : undefined;
}

function put<Key, Value>(map: Map<Key, Value>, key: Key, value: Value | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
