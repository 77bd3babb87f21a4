/** What a registry's WWW-Authenticate means to us, without what belongs to one request: scopes, errors. */
import {
  type Challenge,
  challengeOf,
  parseChallenges,
  printChallenge,
  withParameters,
} from "../../protocol/http/challenge.ts";
import type { Registry } from "../../protocol/registry-name.ts";
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
  /** Its owner makes up more names than are worth keeping across restarts. */
  readonly isUnsaved?: boolean;
};

/** The scopes a challenge asks for, in its parameter or in the realm's own query (nvcr.io). */
export function challengedScopes(lines: readonly string[]): readonly string[] {
  const bearer = challengeOf(parseChallenges(lines), "bearer");
  const realm = parseRealm(bearer?.parameters.get("realm") ?? "");
  return splitScopes([bearer?.parameters.get("scope") ?? "", ...(realm?.scopes ?? [])]);
}

/** What these lines mean, coming from this registry; nothing is remembered. */
export function readChallenge(
  registry: Registry,
  lines: readonly string[],
  learnedAt = 0,
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
  };
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

/** Whether both mean the same, in the words of the registry. */
export function isSameChallenge(
  one: RememberedChallenge | undefined,
  other: RememberedChallenge,
): boolean {
  if (one?.registry.scheme !== other.registry.scheme) return false;
  return one.lines.join("\n") === other.lines.join("\n");
}
