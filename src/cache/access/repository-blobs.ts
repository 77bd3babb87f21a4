/**
 * Which repositories hold a digest: those whose registry delivered the whole body, or said 200 to
 * it while these bytes were known to come from the same registry or to be public. A registry's yes
 * alone is never proof, nor is a manifest's list: anybody can run a registry that says yes.
 */
import type { Digest } from "../../protocol/digest.ts";
import type { Json, RecordStore } from "../../store/record-store.ts";
import type { Observe } from "../cache-event.ts";
import { CachedRecords } from "../cached-records.ts";
import {
  type Generations,
  type RepositoryRef,
  registryOfKey,
  repositoryKey,
} from "../repository-ref.ts";

export type RepositoryBlobsOptions = {
  readonly records: RecordStore;
  readonly observe: Observe;
  /** Whether everybody may have what this repository holds, by its key. */
  readonly isPublic: (ref: string) => Promise<boolean>;
  readonly generations: Generations;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Digests kept in memory. */
  readonly limit?: number;
};

/**
 * By repository: true where the bytes came from it, false where its registry said that it has them,
 * and the time at which they were deleted there, or something was written over them.
 */
type Holders = ReadonlyMap<string, boolean | number>;

/** When the registry was asked: what it says is no news after a write. */
export type Said = {
  /** The repository's generation then; undefined for what was said before and has been remembered. */
  readonly generation?: number | undefined;
  /** Milliseconds since 1970. */
  readonly at: number;
};

/** A base layer is in thousands of repositories; those left out are only asked about again. */
const mostHolders = 256;

export class RepositoryBlobs {
  readonly #options: RepositoryBlobsOptions;
  readonly #holders: CachedRecords<Holders>;

  constructor(options: RepositoryBlobsOptions) {
    this.#options = options;
    const { records, observe, limit = 100_000 } = options;
    this.#holders = new CachedRecords({ records, observe, prefix: "held/", read, print, limit });
  }

  async holds(ref: RepositoryRef, digest: Digest): Promise<boolean> {
    const { isKnown, fact } = this.#holders.peek(digest);
    const holders = isKnown ? fact : await this.#holders.get(digest);
    return isLink(holders?.get(repositoryKey(ref)));
  }

  /** The registry gave the whole body, and its digest was right; it was asked in that generation. */
  async delivered(ref: RepositoryRef, digest: Digest, generation: number): Promise<void> {
    if (this.#options.generations.of(ref) === generation)
      await this.#add(repositoryKey(ref), digest, true);
  }

  /** The registry says it has the digest there; true when it therefore holds these bytes. */
  async confirmed(ref: RepositoryRef, digest: Digest, said: Said): Promise<boolean> {
    const key = repositoryKey(ref);
    const holders = await this.#holders.get(digest);
    if (holders === undefined) return false;
    const link = holders.get(key);
    if (isLink(link)) return true;
    if (typeof link === "number" && link >= said.at) return false;
    const { generation = this.#options.generations.of(ref) } = said;
    if (this.#options.generations.of(ref) !== generation) return false;
    if (!cameFrom(holders, ref) && !(await this.#isPublic(holders))) return false;
    await this.#add(key, digest, false);
    return true;
  }

  /** Whether it was deleted there, or written, since the registry was asked. */
  async isUnlinked(ref: RepositoryRef, digest: Digest, { at }: Said): Promise<boolean> {
    const { isKnown, fact } = this.#holders.peek(digest);
    const holders = isKnown ? fact : await this.#holders.get(digest);
    const link = holders?.get(repositoryKey(ref));
    return typeof link === "number" && link >= at;
  }

  /** It is deleted or written there; what is returned brings back what was known of it. */
  async unlink(ref: RepositoryRef, digest: Digest): Promise<() => Promise<void>> {
    const key = repositoryKey(ref);
    const before = (await this.#holders.get(digest))?.get(key);
    const at = this.#options.now();
    await this.#holders.update(digest, (holders) => bounded(new Map(holders).set(key, at)));
    return () =>
      this.#holders.update(digest, (holders) => {
        if (holders?.get(key) !== at) return undefined;
        const after = new Map(holders);
        if (before === undefined) after.delete(key);
        else after.set(key, before);
        return after;
      });
  }

  /** The bytes are gone; what was deleted by somebody stays so, should they come again. */
  forget(digest: Digest): void {
    const { fact } = this.#holders.peek(digest);
    const deleted = [...(fact ?? [])].filter(([, link]) => !isLink(link));
    if (deleted.length > 0) this.#holders.set(digest, new Map(deleted));
    else this.#holders.delete(digest);
  }

  flush(): Promise<void> {
    return this.#holders.flush();
  }

  async #isPublic(holders: Holders): Promise<boolean> {
    for (const [key, link] of holders)
      if (isLink(link) && (await this.#options.isPublic(key))) return true;
    return false;
  }

  async #add(key: string, digest: Digest, isOrigin: boolean): Promise<void> {
    await this.#holders.update(digest, (before) => {
      const known = before?.get(key);
      if (known === true || known === isOrigin) return undefined;
      return bounded(new Map(before).set(key, isOrigin));
    });
  }
}

function isLink(link: boolean | number | undefined): boolean {
  return typeof link === "boolean";
}

function bounded(holders: Map<string, boolean | number>): Holders {
  const [oldest] = holders.keys();
  if (holders.size > mostHolders && oldest !== undefined) holders.delete(oldest);
  return holders;
}

function cameFrom(holders: Holders, ref: RepositoryRef): boolean {
  for (const [key, link] of holders)
    if (link === true && registryOfKey(key) === ref.registry.name) return true;
  return false;
}

function read(value: Json): Holders | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return new Map(
    Object.entries(value).map(([key, link]) => [
      key,
      typeof link === "number" ? link : link === true,
    ]),
  );
}

function print(holders: Holders): Json {
  return Object.fromEntries(holders);
}
