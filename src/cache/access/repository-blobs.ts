/**
 * Which repositories hold a digest: those whose registry delivered the whole body, or said 200 to
 * it while these bytes were known to come from the same registry or to be public. A registry's yes
 * alone is never proof, nor is a manifest's list: anybody can run a registry that says yes.
 */
import type { Digest } from "../../protocol/digest.ts";
import type { Allowance } from "../../runtime/allowance.ts";
import type { Generation } from "../../runtime/generation.ts";
import type { RecordStore } from "../../store/record-store.ts";
import type { Access } from "../../upstream/registry-client.ts";
import type { Observe } from "../cache-event.ts";
import { CachedRecords } from "../cached-records.ts";
import type { AgingRecords } from "../keeping/record-aging.ts";
import {
  accountOf,
  type Generations,
  type RepositoryRef,
  registryOfKey,
  repositoryKey,
  repositoryOfKey,
} from "../repository-ref.ts";
import {
  confirmed,
  delivered,
  type Holders,
  type Link,
  printHolders,
  printLink,
  readHolders,
} from "./holders.ts";

export type RepositoryBlobsOptions = {
  readonly records: RecordStore;
  readonly newRecords?: Pick<Allowance, "take"> | undefined;
  readonly generation?: Pick<Generation, "raise"> | undefined;
  readonly observe: Observe;
  /** Whether everybody may have what this repository holds, by its key. */
  readonly isPublic: (ref: string) => Promise<boolean>;
  readonly generations: Generations;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Digests kept in memory. */
  readonly limit?: number;
};

/** When the registry was asked, and in whose name: what it says is no news after a write. */
export type SaidWhen = {
  readonly access?: Access;
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
    const { records, observe, newRecords, generation, limit = 100_000 } = options;
    const prefix = "held/";
    const how = { records, observe, newRecords, generation, prefix, limit };
    this.#holders = new CachedRecords({ ...how, read: readHolders, print: printHolders });
  }

  async holds(ref: RepositoryRef, digest: Digest): Promise<boolean> {
    const { isKnown, fact } = this.#holders.peek(digest);
    const holders = isKnown ? fact : await this.#holders.get(digest, accountOf(ref));
    return isLink(holders?.get(repositoryKey(ref)));
  }

  /** Whether any repository at all holds it. */
  async isHeldAnywhere(digest: Digest): Promise<boolean> {
    const holders = await this.#holders.get(digest);
    return [...(holders?.values() ?? [])].some(isLink);
  }

  /** The registry gave the whole body, and its digest was right; it was asked in that generation. */
  async delivered(
    ref: RepositoryRef,
    digest: Digest,
    { generation, access }: HowGiven,
  ): Promise<void> {
    if (this.#options.generations.of(ref) !== generation) return;
    await this.#add(ref, digest, { ...delivered, isOpen: isOpen(access) });
  }

  /** The operator put the bytes here as that registry's. */
  imported(ref: RepositoryRef, digest: Digest): Promise<void> {
    return this.#add(ref, digest, { ...delivered, isImported: true });
  }

  async isImported(ref: RepositoryRef, digest: Digest): Promise<boolean> {
    const link = (await this.#holders.get(digest, accountOf(ref)))?.get(repositoryKey(ref));
    return isLink(link) && link.isImported;
  }

  /**
   * Whether everybody may have these bytes at that registry: it gave or confirmed them to us without
   * any login, in a repository that is public. What was deleted under this name is not there by another.
   */
  async isPublicAt(ref: RepositoryRef, digest: Digest): Promise<boolean> {
    const holders = await this.#holders.get(digest);
    if (holders === undefined || typeof holders.get(repositoryKey(ref)) === "number") return false;
    for (const [key, link] of holders)
      if (isLink(link) && link.isOpen && registryOfKey(key) === ref.registry.name)
        if (await this.#options.isPublic(key)) return true;
    return false;
  }

  /** Whether that very registry gave the bytes, in a repository that `isOpen` says is open. */
  async cameFrom(
    { registry }: RepositoryRef,
    digest: Digest,
    isOpenTo: (origin: RepositoryRef) => Promise<boolean>,
  ): Promise<boolean> {
    for (const [key, link] of (await this.#holders.get(digest)) ?? []) {
      if (!isLink(link) || !link.isOrigin || registryOfKey(key) !== registry.name) continue;
      if (await isOpenTo({ registry, repository: repositoryOfKey(key) })) return true;
    }
    return false;
  }

  /** Who gave the bytes, to be written beside them where records may be lost; undefined where nobody did. */
  async originOf(digest: Digest): Promise<string | undefined> {
    for (const [key, link] of (await this.#holders.get(digest)) ?? [])
      if (isLink(link) && link.isOrigin && !link.isImported)
        return `${link.isOpen ? "all" : "own"} ${key}`;
    return undefined;
  }

  /** What was written beside the bytes, for those of which there is no record. */
  async learnOrigin(digest: Digest, origin: string): Promise<void> {
    const [, to, key] = /^(all|own) (\S+)$/.exec(origin) ?? [];
    if (key === undefined || (await this.#holders.get(digest)) !== undefined) return;
    await this.#holders.update(digest, (holders) =>
      holders === undefined ? new Map([[key, { ...delivered, isOpen: to === "all" }]]) : undefined,
    );
  }

  /** The registry says it has the digest there; true when it therefore holds these bytes. */
  async confirmed(ref: RepositoryRef, digest: Digest, said: SaidWhen): Promise<boolean> {
    const key = repositoryKey(ref);
    const holders = await this.#holders.get(digest, accountOf(ref));
    if (holders === undefined) return false;
    const link = holders.get(key);
    const isKnown = isLink(link);
    if (isKnown && (link.isOpen || !isOpen(said.access))) return true;
    if (typeof link === "number" && link >= said.at) return false;
    const { generation = this.#options.generations.of(ref) } = said;
    if (this.#options.generations.of(ref) !== generation) return isKnown;
    if (!isKnown && !cameFrom(holders, ref) && !(await this.#isPublic(holders))) return false;
    await this.#add(ref, digest, { ...confirmed, isOpen: isOpen(said.access) });
    return true;
  }

  /** Whether it was deleted there, or written, since the registry was asked. */
  async isUnlinked(ref: RepositoryRef, digest: Digest, { at }: SaidWhen): Promise<boolean> {
    const { isKnown, fact } = this.#holders.peek(digest);
    const holders = isKnown ? fact : await this.#holders.get(digest, accountOf(ref));
    const link = holders?.get(repositoryKey(ref));
    return typeof link === "number" && link >= at;
  }

  /** It is deleted or written there; what is returned brings back what was known of it. */
  async unlink(ref: RepositoryRef, digest: Digest): Promise<() => Promise<void>> {
    const key = repositoryKey(ref);
    const before = (await this.#holders.get(digest))?.get(key);
    const at = this.#options.now();
    const marked = (holders: Holders | undefined) => bounded(new Map(holders).set(key, at));
    await this.#holders.update(digest, marked, accountOf(ref));
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

  /** Its records: what is only said to be deleted somewhere, and when. */
  aging(): AgingRecords {
    return {
      prefix: "held/",
      renewedAt: (value) => {
        const links = [...(readHolders(value)?.values() ?? [])];
        const deletions = links.filter((link) => typeof link === "number");
        return links.some(isLink) ? undefined : Math.max(0, ...deletions);
      },
      forget: (digest) => this.#holders.forget(digest),
    };
  }

  flush(): Promise<void> {
    return this.#holders.flush();
  }

  async #isPublic(holders: Holders): Promise<boolean> {
    for (const [key, link] of holders)
      if (isLink(link) && (await this.#options.isPublic(key))) return true;
    return false;
  }

  async #add(ref: RepositoryRef, digest: Digest, link: Link): Promise<void> {
    const key = repositoryKey(ref);
    const added = (before: Holders | undefined): Holders | undefined => {
      const known = before?.get(key);
      if (!isLink(known)) return bounded(new Map(before).set(key, link));
      const both = {
        isOrigin: known.isOrigin || link.isOrigin,
        isOpen: known.isOpen || link.isOpen,
        isImported: known.isImported || link.isImported,
      };
      if (printLink(both) === printLink(known)) return undefined;
      return new Map(before).set(key, both);
    };
    await this.#holders.update(digest, added, accountOf(ref));
  }
}

/** How the bytes came: the repository's generation when they were asked for, and in whose name. */
export type HowGiven = { readonly generation: number; readonly access?: Access | undefined };

/** Without any login that could have made the difference; who cannot say had one. */
function isOpen(access: Access | undefined): boolean {
  return access?.kind === "anonymous" || access?.kind === "none";
}

function bounded(holders: Map<string, Link | number>): Holders {
  const [oldest] = holders.keys();
  if (holders.size > mostHolders && oldest !== undefined) holders.delete(oldest);
  return holders;
}

function cameFrom(holders: Holders, ref: RepositoryRef): boolean {
  for (const [key, link] of holders)
    if (isLink(link) && link.isOrigin && registryOfKey(key) === ref.registry.name) return true;
  return false;
}

function isLink(link: Link | number | undefined): link is Link {
  return typeof link === "object";
}
