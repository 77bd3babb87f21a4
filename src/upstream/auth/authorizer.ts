/**
 * Decides what Authorization a request to a registry carries: the client's own, a token fetched for
 * it, or the operator's credential where the registry speaks Basic. Nothing else adds one.
 */
import { isRefusal } from "../../protocol/http/status.ts";
import { bearerToken } from "../../protocol/own-token.ts";
import type { Registry } from "../../protocol/registry-name.ts";
import { UpstreamError, type UpstreamErrorCode } from "../upstream-error.ts";
import type { AuthorizationAsk, Challenged } from "./authorization.ts";
import { type BasicAsk, BasicLogins } from "./basic-logins.ts";
import type { ChallengeFinder } from "./challenge-finder.ts";
import type { ChallengeMemory } from "./challenge-memory.ts";
import { ClientTokens } from "./client-tokens.ts";
import type { Credential } from "./credential.ts";
import type { Credentials } from "./credentials.ts";
import {
  challengedScopes,
  isSameChallenge,
  type RememberedChallenge,
} from "./registry-challenge.ts";
import type { RegistryTokenAsk, RegistryTokens } from "./registry-tokens.ts";
import { pullScopes, repositoryOf } from "./scopes.ts";
import { TokenRefusal } from "./token-reply.ts";

type Asked = Pick<AuthorizationAsk, "registry" | "scopes">;

export type AuthorizerParts = {
  readonly memory: ChallengeMemory;
  readonly finder: ChallengeFinder;
  readonly credentials: Credentials;
  readonly tokens: RegistryTokens;
};

/** A challenge learned since then is not asked for again, whatever its token service does. */
const settledMs = 60_000;

const gone: ReadonlySet<UpstreamErrorCode> = new Set([
  "FORBIDDEN",
  "DNS",
  "CONNECT",
  "TLS",
  "NO_TLS",
  "REDIRECT",
  "PROTOCOL",
]);

export class Authorizer {
  readonly #parts: AuthorizerParts;
  readonly #basic: BasicLogins;
  readonly #clients: ClientTokens;

  constructor(parts: AuthorizerParts) {
    this.#parts = parts;
    this.#basic = new BasicLogins(parts.credentials, parts.finder);
    this.#clients = new ClientTokens({ ...parts, learn: (ask, lines) => this.#learn(ask, lines) });
  }

  /**
   * The Authorization to send first, or undefined for none. Throws UpstreamError when the token
   * service cannot be asked; a refusal there only means that nothing is sent.
   */
  async authorize(ask: AuthorizationAsk): Promise<string | undefined> {
    if (ask.access.kind === "client") return await this.#clients.authorize(ask, ask.access);
    if (ask.access.kind === "none") return undefined;
    const remembered = this.#expected(ask);
    try {
      return await this.#ours(ask, remembered);
    } catch (error) {
      // The registry tells who comes without a token where they come from now.
      if (isGone(error) && this.#mayBeOutdated(remembered)) return undefined;
      throw error;
    }
  }

  /**
   * After a 401, or a 403 to the operator's Basic login: learns its challenge and gives the one other
   * Authorization worth trying, or undefined. Call it at most once a request, and never for the
   * answer of a redirect's target.
   */
  async retry(
    ask: AuthorizationAsk,
    sent: string | undefined,
    { status, challenges }: Challenged,
  ): Promise<string | undefined> {
    const { access } = ask;
    const isRefused = status === 401;
    if (access.kind === "client") {
      return isRefused ? this.#clients.retry(ask, access, sent, { status, challenges }) : undefined;
    }
    const isOurs = access.kind !== "none";
    // What a token service or a web page on the same host asks for is not the registry's challenge.
    const isNews = isRefused && (isOurs || ask.scopes.length > 0);
    const remembered = isNews ? this.#learn(ask, challenges) : this.#expected(ask);
    if (isBasicOfOurs(ask, sent, remembered)) return this.#basic.fresh(basicAsk(ask), sent);
    if (!isOurs || !isRefused) return undefined;
    const sentToken = bearerToken(sent);
    if (sentToken !== undefined) this.#parts.tokens.forget(sentToken);
    const scopes = pullScopes([...ask.scopes, ...challengedScopes(challenges)]);
    const next = await this.#ours({ ...ask, scopes }, remembered);
    return next === sent ? undefined : next;
  }

  /**
   * To be told what a request ended with. True when the operator's Basic login is refused: our fault,
   * not the image's, so the request goes on without it.
   */
  async isLoginRefused(
    ask: AuthorizationAsk,
    sent: string | undefined,
    status: number,
  ): Promise<boolean> {
    if (!isBasicOfOurs(ask, sent, this.#expected(ask))) return false;
    if (isRefusal(status)) {
      return this.#basic.isRefused(basicAsk(ask), { sent, status });
    }
    if (status < 400) await this.#basic.worked(basicAsk(ask), sent);
    return false;
  }

  /** Whether the operator configured a credential for this registry, or its token host. */
  hasCredential(registry: Registry): boolean {
    return this.#parts.credentials.has(registry);
  }

  /** The operator's credential for it, which may be refused; undefined when there is none. */
  credentialOf(registry: Registry, repository: string | undefined): Credential | undefined {
    const { memory, credentials } = this.#parts;
    const bearer = memory.expect(registry, repository)?.bearer;
    return bearer === undefined
      ? credentials.forRegistry(registry, repository)
      : credentials.forRealm(registry, bearer.realm.address, repository);
  }

  /** The id of the credential whose budget our requests use there; undefined when it is that of everybody. */
  payer(registry: Registry, repository: string | undefined): string | undefined {
    const credential = this.credentialOf(registry, repository);
    return credential?.isRefused === true ? undefined : credential?.id;
  }

  /**
   * Whether clients of this registry are shown a realm of ours: it has an entry and no token service,
   * since it speaks Basic or lets every ping in and asks for a login in some repositories.
   */
  hasOwnRealm(registry: Registry): boolean {
    const remembered = this.#parts.memory.recall(registry);
    if (remembered === undefined || remembered.bearer !== undefined) return false;
    const isBasicOrOpen = remembered.hasBasic || remembered.lines.length === 0;
    return isBasicOrOpen && this.#parts.credentials.hasOwnEntry(registry);
  }

  /** Whether the registry, or a repository of it, sends clients there for their tokens. */
  isRealmOf(registry: Registry, { realm, service }: { realm: string; service: string }): boolean {
    return this.#parts.memory.hasRealm(registry, realm, service);
  }

  /** What the registry last said about logging in, there or to a ping, or says now. Throws UpstreamError. */
  async challengeOf(
    registry: Registry,
    signal: AbortSignal,
    scopes: readonly string[] = [],
  ): Promise<RememberedChallenge | undefined> {
    const { memory, finder } = this.#parts;
    const own = memory.recallIn(registry, repositoryOf(scopes) ?? "");
    return own ?? (await finder.find(registry, signal));
  }

  /**
   * Makes sure that a token for this can be had, and keeps it for the requests to come. Throws
   * TokenRefusal with the token service's own words, UpstreamError when it cannot be asked and the
   * registry names no other.
   */
  async prepare(ask: RegistryTokenAsk): Promise<void> {
    const remembered = this.#expected(ask);
    if (remembered?.bearer === undefined) return;
    try {
      await this.#parts.tokens.get(ask, remembered.bearer);
    } catch (error) {
      if (!isGone(error) || !(await this.#hasMoved(ask, remembered))) throw error;
    }
  }

  /** Whether the registry, asked anew, names another token service. */
  async #hasMoved(ask: RegistryTokenAsk, before: RememberedChallenge): Promise<boolean> {
    if (!this.#mayBeOutdated(before)) return false;
    const { finder } = this.#parts;
    const answer = await finder.ping(ask.registry, "brief", ask.signal).catch(() => undefined);
    if (answer?.remembered === undefined) return false;
    const { bearer } = answer.remembered;
    return bearer?.key !== before.bearer?.key || bearer?.service !== before.bearer?.service;
  }

  #mayBeOutdated(remembered: RememberedChallenge | undefined): boolean {
    return remembered !== undefined && !this.#parts.memory.isFresh(remembered, settledMs);
  }

  #expected({ registry, scopes }: Asked): RememberedChallenge | undefined {
    return this.#parts.memory.expect(registry, repositoryOf(scopes));
  }

  /** A repository's word is none of its registry's: where that is not known, it is asked. */
  #learn(ask: Asked, lines: readonly string[]): RememberedChallenge | undefined {
    const { memory, finder } = this.#parts;
    if (lines.length === 0) return this.#expected(ask);
    const known = memory.recall(ask.registry);
    const learned = memory.rememberIn(ask.registry, repositoryOf(ask.scopes) ?? "", lines);
    const isOther = !isSameChallenge(known, learned);
    if (isOther && (known === undefined || this.#mayBeOutdated(known)))
      finder.askAside(ask.registry);
    return learned;
  }

  async #ours(
    ask: AuthorizationAsk,
    remembered: RememberedChallenge | undefined,
  ): Promise<string | undefined> {
    const { kind, from } = ask.access;
    const isShared = kind === "shared";
    if (remembered?.bearer === undefined) {
      return remembered?.hasBasic === true && isShared
        ? this.#basic.header(basicAsk(ask))
        : undefined;
    }
    try {
      const token = await this.#parts.tokens.get({ ...ask, isShared, from }, remembered.bearer);
      return `Bearer ${token}`;
    } catch (error) {
      if (error instanceof TokenRefusal) return undefined;
      throw error;
    }
  }
}

/** The token service is not, or may not be, where the challenge says; one that is only ill is waited for. */
function isGone(error: unknown): boolean {
  return error instanceof UpstreamError && gone.has(error.code);
}

/** The operator's login as it was sent, and no token got for it. */
function isBasicOfOurs(
  { access }: AuthorizationAsk,
  sent: string | undefined,
  remembered: RememberedChallenge | undefined,
): sent is string {
  if (access.kind !== "shared" || remembered?.bearer !== undefined) return false;
  return sent !== undefined && bearerToken(sent) === undefined;
}

function basicAsk({ registry, scopes, access, signal }: AuthorizationAsk): BasicAsk {
  return { registry, repository: repositoryOf(scopes), from: access.from, signal };
}
