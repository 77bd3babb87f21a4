/**
 * What each registry last said about logging in. It answers pings without asking anybody, and says
 * which registries a token service serves. What belongs to one request (scopes, errors) is left out. What
 * a repository wants is that repository's, and nothing that its registry said.
 */

import {
  parseRegistryName,
  type Registry,
  type RegistryName,
  registryAddress,
  type Scheme,
} from "../../protocol/registry-name.ts";
import { Allowance } from "../../runtime/allowance.ts";
import { FairMap } from "../../runtime/fair-map.ts";
import type { Generation } from "../../runtime/generation.ts";
import { siteOf } from "../site.ts";
import { isSameChallenge, type RememberedChallenge, readChallenge } from "./registry-challenge.ts";

/** What is kept across restarts. */
export type SavedChallenge = {
  readonly registry: string;
  readonly scheme: Scheme;
  readonly lines: readonly string[];
  readonly learnedAt: number;
  readonly hasSignatures?: boolean;
};

export type ChallengeMemoryOptions = {
  readonly now: () => number;
  /** Told about every challenge that is new or has changed. */
  readonly save?: (saved: SavedChallenge) => void;
  /** Raised before what a registry says of logging in changes. */
  readonly generation?: Pick<Generation, "raise"> | undefined;
};

const freshMs = 600_000;
const dayMs = 86_400_000;
const maxRegistries = 5_000;
const maxRepositories = 4_000;
/** Of all challenges together: they are what registries send. */
const maxBytes = 4 * 1024 * 1024;
/** A longer one is nobody's who wants clients to log in. */
const longest = 8 * 1024;
/** So many registries below one domain are saved in a day: whoever owns it may make any number of names. */
const mostSaved = 200;

export class ChallengeMemory {
  readonly #options: ChallengeMemoryOptions;
  readonly #byRegistry = new FairMap<RegistryName, RememberedChallenge>({
    limit: maxRegistries,
    bytes: { limit: maxBytes, of: sizeOf },
  });

  /** Of repositories that want something else than their registry's ping. */
  readonly #byRepository = new FairMap<string, RememberedChallenge>({
    limit: maxRepositories,
    bytes: { limit: maxBytes, of: sizeOf },
  });
  readonly #saves: Allowance;

  constructor(options: ChallengeMemoryOptions) {
    this.#options = options;
    this.#saves = new Allowance({ most: mostSaved, milliseconds: dayMs, now: options.now });
  }

  /** Fills the memory from what was saved; malformed records are passed over. */
  load(records: Iterable<SavedChallenge>): void {
    for (const { registry: name, scheme, lines, learnedAt, hasSignatures } of records) {
      const registry = parseRegistryName(name);
      if (registry?.scheme !== scheme || this.#byRegistry.has(registry.name)) continue;
      const learned = readChallenge(registry, lines, Math.min(learnedAt, this.#options.now()));
      this.#put({ ...learned, hasSignatures: hasSignatures === true });
    }
  }

  /**
   * Learns what a ping was answered: no lines at all mean that it asks for no login. What it says of
   * signatures stands until another one says otherwise.
   */
  remember(
    registry: Registry,
    lines: readonly string[],
    offersSignatures?: boolean,
  ): RememberedChallenge {
    const before = this.#byRegistry.get(registry.name);
    const hasSignatures = offersSignatures ?? before?.hasSignatures ?? false;
    const learned = readChallenge(registry, lines, this.#options.now());
    this.#forgetSame(learned);
    return this.#keep({ ...learned, hasSignatures }, before);
  }

  /** Learns what was answered in a repository, or where "" is in none. */
  rememberIn(
    registry: Registry,
    repository: string,
    lines: readonly string[],
  ): RememberedChallenge {
    const learned = readChallenge(registry, lines, this.#options.now());
    const known = this.recall(registry);
    const key = keyOf(registry, repository);
    if (known !== undefined && isSameChallenge(known, learned)) {
      this.#forgetIn(key);
      return this.#keep({ ...known, learnedAt: learned.learnedAt }, known);
    }
    if (lengthOf(learned) <= longest) this.#putIn(key, learned);
    return learned;
  }

  /** As a ping was answered. */
  recall(registry: Registry): RememberedChallenge | undefined {
    const found = this.#byRegistry.get(registry.name);
    return found?.registry.scheme === registry.scheme ? found : undefined;
  }

  /** What this repository wants, other than its registry's ping. */
  recallIn(registry: Registry, repository: string): RememberedChallenge | undefined {
    return this.#byRepository.get(keyOf(registry, repository));
  }

  /** What a request there is likely to be asked for. */
  expect(registry: Registry, repository = ""): RememberedChallenge | undefined {
    return this.recallIn(registry, repository) ?? this.recall(registry);
  }

  /** Whether it was learned in the last ten minutes, or within as many milliseconds. */
  isFresh(remembered: RememberedChallenge, milliseconds = freshMs): boolean {
    return this.#options.now() - remembered.learnedAt <= milliseconds;
  }

  /** Whose challenge names this realm (`https://auth.docker.io/token`); the caller checks the pair. */
  registriesOfRealm(key: string): RememberedChallenge[] {
    const all = [...this.#byRegistry.values(), ...this.#byRepository.values()];
    const found = all.filter(({ bearer }) => bearer?.key === key);
    const named = found.map((one) => [`${one.registry.name} ${one.bearer?.service}`, one] as const);
    return [...new Map(named).values()];
  }

  /** Whether this registry, or a repository of it, names that realm for that service. */
  hasRealm(registry: Registry, key: string, service: string): boolean {
    const isIt = ({ bearer }: RememberedChallenge): boolean =>
      bearer?.key === key && bearer.service === service;
    const ping = this.recall(registry);
    if (ping !== undefined && isIt(ping)) return true;
    const { name, scheme } = registry;
    return [...this.#byRepository.values()].some((one) => {
      return isIt(one) && one.registry.name === name && one.registry.scheme === scheme;
    });
  }

  /** What all of a registry wants is nothing of a repository's own, and moves on with the registry's. */
  #forgetSame(learned: RememberedChallenge): void {
    const keys = [...this.#byRepository.entries()].flatMap(([key, one]) =>
      one.registry.name === learned.registry.name && isSameChallenge(one, learned) ? [key] : [],
    );
    for (const key of keys) this.#forgetIn(key);
  }

  #keep(said: RememberedChallenge, before: RememberedChallenge | undefined): RememberedChallenge {
    const { registry, lines, learnedAt, hasSignatures } = said;
    const isNew = before === undefined || before.isUnsaved === true;
    const isUnsaved = isNew && !this.#saves.take(ownerOf(registry.name));
    const learned = { ...said, isUnsaved };
    if (lengthOf(learned) > longest) return learned;
    this.#put(learned);
    const isOther = before?.hasSignatures !== hasSignatures;
    const isNews = isOther || !isSameChallenge(before, learned);
    if (!isUnsaved && (isNews || learnedAt - before.learnedAt > freshMs)) {
      const { name, scheme } = registry;
      this.#options.save?.({ registry: name, scheme, lines, learnedAt, hasSignatures });
    }
    return learned;
  }

  #put(learned: RememberedChallenge): void {
    const { name } = learned.registry;
    const before = this.#byRegistry.get(name);
    if (!isSameChallenge(before, learned)) this.#options.generation?.raise("challenge");
    this.#byRegistry.set(name, learned, ownerOf(name));
  }

  #putIn(key: string, learned: RememberedChallenge): void {
    const before = this.#byRepository.get(key);
    if (!isSameChallenge(before, learned)) this.#options.generation?.raise("challenge");
    this.#byRepository.set(key, learned, ownerOf(learned.registry.name));
  }

  #forgetIn(key: string): void {
    if (this.#byRepository.delete(key)) this.#options.generation?.raise("challenge");
  }
}

function ownerOf(name: RegistryName): string {
  return siteOf(registryAddress(name));
}

function keyOf({ name, scheme }: Registry, repository: string): string {
  return `${scheme} ${name} ${repository}`;
}

function lengthOf({ lines }: RememberedChallenge): number {
  return lines.join("").length;
}

/** The realm is kept once as it came and once taken apart. */
function sizeOf(remembered: RememberedChallenge, name: string): number {
  return 500 + 2 * name.length + 3 * lengthOf(remembered);
}
