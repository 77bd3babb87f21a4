/**
 * Which repositories hold a digest: those whose registry delivered the whole body, or said 200 to
 * it while these bytes were known to come from the same registry or to be public. A registry's yes
 * alone is never proof, nor is a manifest's list: anybody can run a registry that says yes.
 */
import type { Digest } from "../../protocol/digest.ts";
import type { Json, RecordStore } from "../../store/record-store.ts";
import type { Observe } from "../cache-event.ts";
import { CachedRecords } from "../cached-records.ts";
import { type RepositoryRef, registryOfKey, repositoryKey } from "../repository-ref.ts";

export type RepositoryBlobsOptions = {
  readonly records: RecordStore;
  readonly observe: Observe;
  /** Whether everybody may have what this repository holds, by its key. */
  readonly isPublic: (ref: string) => Promise<boolean>;
  /** Digests kept in memory. */
  readonly limit?: number;
};

/** Keys of repositories; true for those from which the bytes came. */
type Holders = ReadonlyMap<string, boolean>;

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
    return holders?.has(repositoryKey(ref)) === true;
  }

  /** The registry gave the whole body, and its digest was right. */
  async delivered(ref: RepositoryRef, digest: Digest): Promise<void> {
    await this.#add(repositoryKey(ref), digest, true);
  }

  /** The registry says it has the digest there; true when it therefore holds these bytes. */
  async confirmed(ref: RepositoryRef, digest: Digest): Promise<boolean> {
    const key = repositoryKey(ref);
    const holders = await this.#holders.get(digest);
    if (holders === undefined) return false;
    if (holders.has(key)) return true;
    if (!cameFrom(holders, ref) && !(await this.#isPublic(holders))) return false;
    await this.#add(key, digest, false);
    return true;
  }

  /** The bytes are gone. */
  forget(digest: Digest): void {
    this.#holders.delete(digest);
  }

  flush(): Promise<void> {
    return this.#holders.flush();
  }

  async #isPublic(holders: Holders): Promise<boolean> {
    for (const key of holders.keys()) if (await this.#options.isPublic(key)) return true;
    return false;
  }

  async #add(key: string, digest: Digest, isOrigin: boolean): Promise<void> {
    await this.#holders.update(digest, (before) => {
      const known = before?.get(key);
      if (known === true || known === isOrigin) return undefined;
      const after = new Map(before).set(key, isOrigin);
      const [oldest] = after.keys();
      if (after.size > mostHolders && oldest !== undefined) after.delete(oldest);
      return after;
    });
  }
}

function cameFrom(holders: Holders, ref: RepositoryRef): boolean {
  for (const [key, isOrigin] of holders)
    if (isOrigin && registryOfKey(key) === ref.registry.name) return true;
  return false;
}

function read(value: Json): Holders | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return new Map(Object.entries(value).map(([key, isOrigin]) => [key, isOrigin === true]));
}

function print(holders: Holders): Json {
  return Object.fromEntries(holders);
}
