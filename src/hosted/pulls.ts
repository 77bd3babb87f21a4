/**
 * When each tag and manifest was pulled last. Noted in memory, so that no pull waits for it, and written
 * down in batches; what a pull that just began is about to ask for is known from memory alone.
 */
import type { Digest } from "../protocol/digest.ts";
import type { RepositoryName, Tag } from "../protocol/reference.ts";
import type { Clock } from "../runtime/clock.ts";
import { inBackground } from "../runtime/in-background.ts";
import type { Catalogue } from "./catalogue.ts";
import type { PullChange } from "./pushed.ts";

export type PullsParts = {
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  /** How long a pull may take from its manifest to its last layer, in milliseconds. */
  readonly lease: number;
  /** They could not be written down; they are tried again. */
  readonly onFailure: (error: unknown) => void;
};

export type Pull = {
  readonly tag: Tag | undefined;
  readonly digest: Digest;
  readonly references: readonly Digest[];
};

type Noted = { readonly at: number; readonly references: readonly Digest[] };

const interval = 60_000;
/** So many are written at a time. */
const batch = 1_000;

export class Pulls {
  readonly #parts: PullsParts;
  /** Oldest first. */
  readonly #recent = new Map<RepositoryName, Map<Digest, Noted>>();
  readonly #unwritten = new Map<RepositoryName, Map<Tag | Digest, number>>();
  #cancel: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(parts: PullsParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#cancel = this.#parts.clock.after(interval, () => {
      inBackground(this.flush(), this.#parts.onFailure);
      this.start();
    });
  }

  /** Somebody got this manifest, and is about to ask for what it lists. */
  note(repository: RepositoryName, { tag, digest, references }: Pull): void {
    const at = this.#parts.clock.now();
    const recent = entry(this.#recent, repository);
    recent.delete(digest);
    recent.set(digest, { at, references });
    const unwritten = entry(this.#unwritten, repository);
    unwritten.set(digest, at);
    if (tag !== undefined) unwritten.set(tag, at);
  }

  /** Milliseconds since 1970; undefined when it never was. */
  lastPull(repository: RepositoryName, reference: Tag | Digest): number | undefined {
    const news = this.#unwritten.get(repository)?.get(reference);
    return news ?? this.#parts.catalogue.pullsOf(repository).get(reference);
  }

  /** What pulls that began since then want, or within the lease. */
  wanted(repository: RepositoryName, since?: number): readonly Digest[] {
    const from = since ?? this.#parts.clock.now() - this.#parts.lease;
    return [...(this.#recent.get(repository) ?? [])].flatMap(([digest, { at, references }]) =>
      at >= from ? [digest, ...references] : [],
    );
  }

  /** Forgets what is not there any more, and writes down what is news. Throws StoreError. */
  tidy(): Promise<void> {
    const { catalogue } = this.#parts;
    for (const [repository, its] of catalogue.pulls()) {
      for (const [reference, at] of its) {
        if (!this.#isThere(repository, reference))
          entry(this.#unwritten, repository).set(reference, at);
      }
    }
    return this.flush();
  }

  /** Writes down what is news. Throws StoreError. */
  flush(): Promise<void> {
    const writing = this.#writing.catch(() => undefined).then(() => this.#write());
    this.#writing = writing;
    return writing;
  }

  async close(): Promise<void> {
    this.#cancel?.();
    await this.flush();
  }

  async #write(): Promise<void> {
    this.#forgetOld();
    const changes = [...this.#unwritten].flatMap(([repository, its]) =>
      [...its].map(
        ([reference, link]): PullChange => ({
          ...{ kind: "pulled", repository, reference },
          link: this.#isThere(repository, reference) ? link : undefined,
        }),
      ),
    );
    for (let start = 0; start < changes.length; start += batch) {
      const some = changes.slice(start, start + batch);
      await this.#parts.catalogue.write(some);
      for (const change of some) this.#written(change);
    }
  }

  #written({ repository, reference, link }: PullChange): void {
    const its = this.#unwritten.get(repository);
    if (link === undefined || its?.get(reference) === link) its?.delete(reference);
    if (its?.size === 0) this.#unwritten.delete(repository);
  }

  #isThere(repository: RepositoryName, reference: Tag | Digest): boolean {
    const its = this.#parts.catalogue.repository(repository);
    return (
      its?.tags.has(reference as Tag) === true || its?.manifests.has(reference as Digest) === true
    );
  }

  #forgetOld(): void {
    const since = this.#parts.clock.now() - this.#parts.lease;
    for (const [repository, recent] of this.#recent) {
      for (const [digest, { at }] of recent) if (at < since) recent.delete(digest);
      if (recent.size === 0) this.#recent.delete(repository);
    }
  }
}

function entry<Key, Inner, Value>(map: Map<Key, Map<Inner, Value>>, key: Key): Map<Inner, Value> {
  const found = map.get(key) ?? new Map<Inner, Value>();
  map.set(key, found);
  return found;
}
