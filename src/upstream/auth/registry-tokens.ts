/**
 * Tokens for a registry, with the operator's credential where there is one that works, else without:
 * a credential that is refused is our fault, not the image's, so pulls go on anonymously.
 */
import type { Registry, RegistryName } from "../../protocol/registry-name.ts";
import { UpstreamError } from "../upstream-error.ts";
import type { Credential } from "./credential.ts";
import type { Credentials } from "./credentials.ts";
import type { BearerChallenge } from "./registry-challenge.ts";
import { pullScopes, repositoryOf } from "./scopes.ts";
import type { TokenClient } from "./token-client.ts";
import { TokenRefusal } from "./token-reply.ts";
import type { UnusedLogins } from "./unused-logins.ts";

export type RegistryTokenAsk = {
  readonly registry: Registry;
  readonly began?: RegistryName | undefined;
  /** Who led to the registry, where the operator named him not: decides in the place of `began`. */
  readonly ledBy?: RegistryName | undefined;
  readonly scopes: readonly string[];
  /** With the operator's credential, if there is one for this. */
  readonly isShared: boolean;
  /** The address of the client that it is for. */
  readonly from?: string | undefined;
  readonly patience?: "full" | "brief";
  readonly signal: AbortSignal;
};

/** A success so recent says that a refusal is about the scopes. */
const provenMs = 5_000;

export class RegistryTokens {
  readonly #credentials: Credentials;
  readonly #client: TokenClient;
  readonly #unused: UnusedLogins;

  constructor(credentials: Credentials, client: TokenClient, unused: UnusedLogins) {
    this.#credentials = credentials;
    this.#client = client;
    this.#unused = unused;
  }

  /** Throws TokenRefusal when even anonymously there is none to be had, UpstreamError when nobody can be asked. */
  async get(ask: RegistryTokenAsk, bearer: BearerChallenge): Promise<string> {
    const scopes = pullScopes(ask.scopes, bearer.scopes);
    const { registry } = ask;
    const credential = ask.isShared
      ? this.#credentials.forRealm(registry, bearer.realm.address, repositoryOf(scopes))
      : undefined;
    if (ask.isShared && credential === undefined) {
      this.#unused.note(registry, bearer.realm.address);
    }
    if (credential?.mayBeTried() === true) {
      const token = await this.#sharedToken(credential, { ...ask, scopes }, bearer);
      if (token !== undefined) return token;
    }
    return this.#fetch({ ...ask, scopes }, bearer, undefined);
  }

  /** With this login and no other, for these scopes. Throws TokenRefusal, or UpstreamError. */
  fetchFor(
    credential: Credential,
    ask: Omit<RegistryTokenAsk, "isShared">,
    bearer: BearerChallenge,
  ): Promise<string> {
    return this.#fetch(ask, bearer, credential);
  }

  /** Undefined when the token service says no to the credential, or to it for these scopes. */
  async #sharedToken(
    credential: Credential,
    ask: RegistryTokenAsk,
    bearer: BearerChallenge,
  ): Promise<string | undefined> {
    const { version } = credential;
    const first = await this.#attempt(ask, bearer, credential);
    if (typeof first === "string") return first;
    if (first.ledAwayTo !== undefined) {
      this.#unused.note(ask.registry, first.ledAwayTo);
      return undefined;
    }
    if (await credential.refresh(version, ask.signal)) {
      const fresh = await this.#attempt(ask, bearer, credential);
      if (typeof fresh === "string") return fresh;
    }
    if (!(await this.#isStillGood(credential, ask, bearer))) credential.markRefused();
    return undefined;
  }

  /**
   * Some services say 401 or 403 to a good login that may not have these scopes (GitLab, ACR): one
   * client asking for somebody's repository must not put the credential out of use for everybody.
   */
  async #isStillGood(
    credential: Credential,
    ask: RegistryTokenAsk,
    bearer: BearerChallenge,
  ): Promise<boolean> {
    if (credential.wasAcceptedWithin(provenMs)) return true;
    if (repositoryOf(ask.scopes) === undefined) return false;
    try {
      const bare = { ...ask, scopes: pullScopes([], bearer.scopes), isProof: true };
      return typeof (await this.#attempt(bare, bearer, credential)) === "string";
    } catch (error) {
      if (error instanceof UpstreamError) return true;
      throw error;
    }
  }

  /** The token, or how it was refused. */
  async #attempt(
    ask: RegistryTokenAsk & { readonly isProof?: boolean },
    bearer: BearerChallenge,
    credential: Credential,
  ): Promise<string | TokenRefusal> {
    try {
      return await this.#fetch(ask, bearer, credential);
    } catch (error) {
      if (error instanceof TokenRefusal) return error;
      throw error;
    }
  }

  #fetch(
    ask: Omit<RegistryTokenAsk, "isShared"> & { readonly isProof?: boolean },
    bearer: BearerChallenge,
    credential: Credential | undefined,
  ): Promise<string> {
    const { registry, began, ledBy, from, scopes, patience = "full", signal, isProof } = ask;
    const { realm, service } = bearer;
    return this.#client.fetch({
      ...{ registry, began, ledBy, from },
      isBelieved: this.#credentials.believes(registry, realm.address),
      realm,
      service,
      scopes,
      credential,
      patience,
      signal,
      isProof,
    });
  }

  /** The next ask fetches another in its place. */
  forget(token: string): void {
    this.#client.forget(token);
  }
}
