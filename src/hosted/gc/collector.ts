/**
 * Collects garbage while pushes and pulls go on. Each repository is looked at and changed in its own turn,
 * in one transaction; bytes go once no repository names them, and only then are they counted. A run that
 * ends in the middle loses nothing: what lost its name is written down, and the next run goes on there.
 */
import type { Digest } from "../../protocol/digest.ts";
import type { RepositoryName, Tag } from "../../protocol/reference.ts";
import type { Clock } from "../../runtime/clock.ts";
import { KeyedMutex } from "../../runtime/keyed-mutex.ts";
import { StoreError } from "../../store/store-error.ts";
import type { Catalogue } from "../catalogue.ts";
import type { ObserveHosted } from "../hosted-event.ts";
import type { Pulls } from "../pulls.ts";
import type { Repository } from "../repository.ts";
import type { Fate, LooseBytes } from "./loose-bytes.ts";
import { Policy, type Session } from "./policy.ts";
import type { CompiledKeep } from "./retention.ts";
import { changesOf, type Superfluous, type SweepParts, sweepOf } from "./sweep.ts";

export type CollectorParts = {
  readonly catalogue: Catalogue;
  readonly bytes: LooseBytes;
  readonly pulls: Pick<Pulls, "lastPull" | "wanted" | "tidy">;
  readonly sessionsOf: (repository: RepositoryName) => readonly Session[];
  readonly keeping: (repository: RepositoryName) => {
    readonly rules: readonly CompiledKeep[];
    readonly isFrozen: (tag: Tag) => boolean;
  };
  readonly clock: Clock;
  /** HOSTED_LEASE, in milliseconds. */
  readonly lease: number;
  readonly observe: ObserveHosted;
};

export type Collect = {
  /** Only says what would go. */
  readonly isDry: boolean;
  /** Milliseconds; undefined: what has no tag stays, unless rules say otherwise. */
  readonly untaggedAfter: number | undefined;
};

export type Bytes = { readonly digest: Digest; readonly size: number };

export type Collected = {
  readonly isDry: boolean;
  readonly going: readonly Superfluous[];
  readonly freed: readonly Bytes[];
  /** What a cached repository has too. */
  readonly returned: readonly Bytes[];
  /** Repositories that were left alone, each with a sentence. */
  readonly skipped: readonly { readonly repository: RepositoryName; readonly why: string }[];
};

/** So many are written at a time. */
const batch = 500;

export class Collector {
  readonly #parts: CollectorParts;
  readonly #turns = new KeyedMutex<"one at a time">();

  constructor(parts: CollectorParts) {
    this.#parts = parts;
  }

  /** One run at a time; others wait. Throws StoreError. */
  collect(ask: Collect): Promise<Collected> {
    return this.#turns.run("one at a time", () => this.#collect(ask));
  }

  async #collect(ask: Collect): Promise<Collected> {
    const { catalogue, pulls, observe } = this.#parts;
    const going: Superfluous[] = [];
    const skipped: Collected["skipped"][number][] = [];
    for (const [repository] of [...catalogue.repositories()]) {
      const why = this.#whyNot(repository);
      if (why === undefined) going.push(...(await this.#sweep(repository, ask)));
      else skipped.push({ repository, why });
    }
    const { freed, returned } = ask.isDry ? await this.#foresee(going) : await this.#free();
    const collected = { isDry: ask.isDry, going, freed, returned, skipped };
    if (ask.isDry) return collected;
    await unlessAway(pulls.tidy());
    observe({ kind: "collected", ...countsOf(collected) });
    return collected;
  }

  /** What cannot be marked stops the sweep of all that it might refer to. */
  #whyNot(repository: RepositoryName): string | undefined {
    const [key, ...others] = this.#parts.catalogue.unreadable(repository);
    if (key === undefined) return undefined;
    const which = others.length === 0 ? key : `${key} and ${others.length} more`;
    return `nobody knows what it needs, since ${which} in hosted.sqlite cannot be read; push that anew, or restore a backup`;
  }

  #sweep(repository: RepositoryName, ask: Collect): Promise<readonly Superfluous[]> {
    const { catalogue } = this.#parts;
    return catalogue.inTurn(repository, async () => {
      const its = catalogue.repository(repository);
      if (its === undefined) return [];
      const parts = this.#sweepParts(repository, its, ask);
      const decide = await sweepOf(parts);
      const going = decide();
      if (!ask.isDry) await catalogue.write(changesOf(parts, going));
      return going;
    });
  }

  #sweepParts(name: RepositoryName, its: Repository, { untaggedAfter }: Collect): SweepParts {
    const { clock, lease, pulls, sessionsOf, keeping } = this.#parts;
    const now = clock.now();
    const policy = new Policy(its, {
      ...{ now, lease, untaggedAfter, ...keeping(name), sessions: sessionsOf(name) },
      lastPull: (reference) => pulls.lastPull(name, reference),
    });
    return { name, its, policy, now, wanted: () => pulls.wanted(name) };
  }

  /** All bytes that lost a name, also those of runs before and of deletions by clients. */
  async #free(): Promise<Account> {
    const { catalogue } = this.#parts;
    const account = new Account();
    const loose = catalogue.loose();
    for (let start = 0; start < loose.length; start += batch) {
      const settled: Digest[] = [];
      for (const digest of loose.slice(start, start + batch)) {
        if (await this.#isSettled(digest, account)) settled.push(digest);
      }
      await unlessAway(catalogue.settle(settled));
    }
    return account;
  }

  async #isSettled(digest: Digest, account: Account): Promise<boolean> {
    const { catalogue, bytes } = this.#parts;
    if (catalogue.isNamed(digest)) return true;
    const fate = await bytes.free(digest);
    account.add(digest, fate);
    return fate.outcome !== "held";
  }

  /** What that would come to: what is named still is held by what goes. */
  async #foresee(going: readonly Superfluous[]): Promise<Account> {
    const { catalogue, bytes } = this.#parts;
    const account = new Account();
    for (const [digest, count] of linksOf(going, catalogue.loose())) {
      if (catalogue.namesOf(digest) > count) continue;
      const { outcome, size } = await bytes.fateOf(digest);
      account.add(digest, { outcome: outcome === "held" ? "freed" : outcome, size });
    }
    return account;
  }
}

/** Bytes that are gone are told of though that cannot be written down: the next run finds it so. */
async function unlessAway(writing: Promise<void>): Promise<void> {
  try {
    await writing;
  } catch (error) {
    if (!(error instanceof StoreError && error.code === "RECORDS")) throw error;
  }
}

class Account {
  readonly freed: Bytes[] = [];
  readonly returned: Bytes[] = [];

  add(digest: Digest, { outcome, size }: Fate): void {
    if (outcome === "freed") this.freed.push({ digest, size });
    if (outcome === "returned") this.returned.push({ digest, size });
  }
}

/** How many names each digest loses. */
function linksOf(going: readonly Superfluous[], loose: readonly Digest[]): Map<Digest, number> {
  const links = new Map<Digest, number>(loose.map((digest) => [digest, 0]));
  for (const { what, digest } of going) {
    if (what !== "tag") links.set(digest, (links.get(digest) ?? 0) + 1);
  }
  return links;
}

function countsOf({ going, freed, returned, skipped }: Collected) {
  const count = (what: Superfluous["what"]): number =>
    going.filter((one) => one.what === what).length;
  return {
    ...{ tags: count("tag"), manifests: count("manifest"), blobs: count("blob") },
    ...{ bytes: sum(freed), returned: sum(returned), skipped: skipped.length },
  };
}

function sum(all: readonly Bytes[]): number {
  return all.reduce((total, { size }) => total + size, 0);
}
