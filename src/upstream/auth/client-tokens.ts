/**
 * What a client's own login is sent as: as it came, or as a token got with it, where it came sealed in a
 * token of ours and its repository wants one. Engines gave it where their registry pinged them in. It goes
 * to a token service paired with its registry and to no other, for what its own request needs.
 */
import { bearerToken, ownTokenIn } from "../../protocol/own-token.ts";
import type { Access } from "../registry-client.ts";
import type { AuthorizationAsk, Challenged } from "./authorization.ts";
import type { ChallengeMemory } from "./challenge-memory.ts";
import type { Credentials } from "./credentials.ts";
import {
  type BearerChallenge,
  challengedScopes,
  type RememberedChallenge,
  readChallenge,
} from "./registry-challenge.ts";
import type { RegistryTokens } from "./registry-tokens.ts";
import { clientScopes, repositoryOf } from "./scopes.ts";
import { TokenRefusal } from "./token-reply.ts";

export type ClientAccess = Extract<Access, { readonly kind: "client" }>;

type Parts = {
  readonly memory: Pick<ChallengeMemory, "expect">;
  /** Of what a repository said. */
  readonly learn: (
    ask: AuthorizationAsk,
    lines: readonly string[],
  ) => RememberedChallenge | undefined;
  readonly credentials: Pick<Credentials, "ofClient">;
  readonly tokens: Pick<RegistryTokens, "fetchFor" | "forget">;
};

export class ClientTokens {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** The Authorization to send first. Throws UpstreamError when a token service cannot be asked. */
  async authorize(ask: AuthorizationAsk, access: ClientAccess): Promise<string | undefined> {
    const known = this.#parts.memory.expect(ask.registry, repositoryOf(ask.scopes));
    const bearer = access.isSealed === true ? known?.bearer : undefined;
    const token = bearer && (await this.#header(ask, access, bearer, ask.scopes));
    return token ?? asItCame(access);
  }

  /** After a 401: what else to send, for a login that came sealed; any other is the client's own business. */
  async retry(
    ask: AuthorizationAsk,
    access: ClientAccess,
    sent: string | undefined,
    { challenges }: Challenged,
  ): Promise<string | undefined> {
    const said = this.#learn(ask, challenges);
    if (access.isSealed !== true || said?.bearer === undefined) return undefined;
    const token = bearerToken(sent);
    if (token !== undefined) this.#parts.tokens.forget(token);
    if (ask.isOnce === true) return undefined;
    const wanted = challengedScopes(challenges);
    const scopes = wanted.length > 0 ? wanted : ask.scopes;
    const next = await this.#header(ask, access, said.bearer, scopes);
    return next === sent ? undefined : next;
  }

  /** What a token service or a web page on the same host asks for is not the registry's challenge. */
  #learn(ask: AuthorizationAsk, lines: readonly string[]): RememberedChallenge | undefined {
    return ask.scopes.length === 0
      ? readChallenge(ask.registry, lines)
      : this.#parts.learn(ask, lines);
  }

  /** Undefined where the login may not go there, or is refused. */
  async #header(
    ask: AuthorizationAsk,
    { authorization }: ClientAccess,
    bearer: BearerChallenge,
    wanted: readonly string[],
  ): Promise<string | undefined> {
    const { credentials, tokens } = this.#parts;
    const login = credentials.ofClient(ask.registry, authorization, bearer.realm.address);
    if (login === undefined) return undefined;
    const scopes = clientScopes(wanted, bearer.scopes);
    const { from } = ask.access;
    try {
      return `Bearer ${await tokens.fetchFor(login, { ...ask, from, scopes }, bearer)}`;
    } catch (error) {
      if (error instanceof TokenRefusal) return undefined;
      throw error;
    }
  }
}

/** A token of ours means something to us alone: it never goes upstream, not even by mistake. */
function asItCame({ authorization }: ClientAccess): string | undefined {
  return ownTokenIn(authorization) === undefined ? authorization : undefined;
}
