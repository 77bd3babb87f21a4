/**
 * What each registry last said about logging in. It answers pings without asking anybody, and says
 * which registries a token service serves. What belongs to one request (scopes, errors) is left out.
 */

import {
  type Challenge,
  challengeOf,
  parseChallenges,
  printChallenge,
  withParameters,
} from "../../protocol/http/challenge.ts";
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
import { askedOver, mayAskRealm, parseRealm, printRealm, type Realm, realmKey } from "./realm.ts";
import { splitScopes, wordScopes } from "./scopes.ts";

export type BearerChallenge = {
  readonly realm: Realm;
  /** The realm without its query, for comparing. */
  readonly key: string;
  /** "" when it names none. */
  readonly service: string;
  /** Scopes it demands whatever the repository, such as Public ECR's `aws`. */
  readonly scopes: readonly string[];
};

export type RememberedChallenge = {
  readonly registry: Registry;
  /** WWW-Authenticate as a ping is answered; none when the registry lets everybody in. */
  readonly lines: readonly string[];
  readonly bearer: BearerChallenge | undefined;
  readonly hasBasic: boolean;
  /** Its ping offers Docker's signature extension: `X-Registry-Supports-Signatures: 1`. */
  readonly hasSignatures: boolean;
  readonly learnedAt: number;
  /** When it last asked for a login; `learnedAt` moves on when a ping lets everybody in. */
  readonly challengedAt: number;
  /** Its owner makes up more names than are worth keeping across restarts. */
  readonly isUnsaved?: boolean;
};

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
      const learned = read(registry, lines, Math.min(learnedAt, this.#options.now()));
      this.#put({ ...learned, hasSignatures: hasSignatures === true });
    }
  }

  /**
   * Learns what a registry answered: no lines at all mean that it asks for no login. What a ping alone
   * says of signatures stands until another one says otherwise.
   */
  remember(
    registry: Registry,
    lines: readonly string[],
    offersSignatures?: boolean,
  ): RememberedChallenge {
    const now = this.#options.now();
    const before = this.#byRegistry.get(registry.name);
    const isKept = lines.length === 0 && isStillMeant(before, registry, now);
    const hasSignatures = offersSignatures ?? before?.hasSignatures ?? false;
    const said = isKept ? { ...before, learnedAt: now } : read(registry, lines, now);
    const isNew = before === undefined || before.isUnsaved === true;
    const isUnsaved = isNew && !this.#saves.take(ownerOf(registry.name));
    const learned = { ...said, hasSignatures, isUnsaved };
    if (lengthOf(learned) > longest) return learned;
    this.#put(learned);
    const isOther = before?.hasSignatures !== hasSignatures;
    const isNews = isOther || linesOf(before) !== linesOf(learned);
    if (!learned.isUnsaved && (isNews || now - before.learnedAt > freshMs)) {
      const { lines: kept, learnedAt } = learned;
      const { name, scheme } = registry;
      this.#options.save?.({ registry: name, scheme, lines: kept, learnedAt, hasSignatures });
    }
    return learned;
  }

  recall(registry: Registry): RememberedChallenge | undefined {
    const found = this.#byRegistry.get(registry.name);
    return found?.registry.scheme === registry.scheme ? found : undefined;
  }

  /** Whether it was learned in the last ten minutes, or within as many milliseconds. */
  isFresh(remembered: RememberedChallenge, milliseconds = freshMs): boolean {
    return this.#options.now() - remembered.learnedAt <= milliseconds;
  }

  /** Whose challenge names this realm (`https://auth.docker.io/token`); the caller checks the pair. */
  registriesOfRealm(key: string): RememberedChallenge[] {
    return [...this.#byRegistry.values()].filter(({ bearer }) => bearer?.key === key);
  }

  #put(learned: RememberedChallenge): void {
    const { name, scheme } = learned.registry;
    const before = this.#byRegistry.get(name);
    const isSame = before?.registry.scheme === scheme && linesOf(before) === linesOf(learned);
    if (!isSame) this.#options.generation?.raise("challenge");
    this.#byRegistry.set(name, learned, ownerOf(name));
  }
}

/** The scopes a challenge asks for, in its parameter or in the realm's own query (nvcr.io). */
export function challengedScopes(lines: readonly string[]): readonly string[] {
  const bearer = challengeOf(parseChallenges(lines), "bearer");
  const realm = parseRealm(bearer?.parameters.get("realm") ?? "");
  return splitScopes([bearer?.parameters.get("scope") ?? "", ...(realm?.scopes ?? [])]);
}

function read(
  registry: Registry,
  lines: readonly string[],
  learnedAt: number,
): RememberedChallenge {
  const challenges = parseChallenges(lines);
  const bearer = challengeOf(challenges, "bearer");
  return {
    registry,
    lines: challenges.map((challenge) => printChallenge(lasting(challenge))),
    bearer: bearer === undefined ? undefined : readBearer(registry, bearer),
    hasBasic: challengeOf(challenges, "basic") !== undefined,
    hasSignatures: false,
    learnedAt,
    challengedAt: learnedAt,
  };
}

/**
 * Some registries let every ping in and ask for a token in their repositories: what they said there
 * stands, since some engines learn it from the ping alone.
 */
function isStillMeant(
  before: RememberedChallenge | undefined,
  registry: Registry,
  now: number,
): before is RememberedChallenge {
  if (before?.bearer === undefined || before.registry.scheme !== registry.scheme) return false;
  return now - before.challengedAt <= dayMs;
}

function readBearer(registry: Registry, challenge: Challenge): BearerChallenge | undefined {
  const written = parseRealm(challenge.parameters.get("realm") ?? "");
  const realm = written === undefined ? undefined : askedOver(written, registry);
  if (realm === undefined || !mayAskRealm(realm, registry)) return undefined;
  const scopes = wordScopes(splitScopes([challenge.parameters.get("scope") ?? ""]));
  return {
    realm,
    key: realmKey(realm),
    service: challenge.parameters.get("service") ?? "",
    scopes,
  };
}

/** Without what belongs to one request: repositories in scope and realm, and errors. */
function lasting(challenge: Challenge): Challenge {
  const words = wordScopes(splitScopes([challenge.parameters.get("scope") ?? ""]));
  const realm = parseRealm(challenge.parameters.get("realm") ?? "");
  return withParameters(challenge, {
    scope: words.length > 0 ? words.join(" ") : undefined,
    error: undefined,
    error_description: undefined,
    ...(challenge.scheme === "bearer" && realm !== undefined ? { realm: printRealm(realm) } : {}),
  });
}

function ownerOf(name: RegistryName): string {
  return siteOf(registryAddress(name));
}

function linesOf({ lines }: RememberedChallenge): string {
  return lines.join("\n");
}

function lengthOf({ lines }: RememberedChallenge): number {
  return lines.join("").length;
}

/** The realm is kept once as it came and once taken apart. */
function sizeOf(remembered: RememberedChallenge, name: string): number {
  return 500 + 2 * name.length + 3 * lengthOf(remembered);
}
