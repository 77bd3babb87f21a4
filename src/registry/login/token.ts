/**
 * Token requests: answered with a token of our own when the request has no login; a client's own
 * login is passed on byte for byte, and what comes back is the client's alone.
 */
import type { Passed } from "../../cache/content.ts";
import { hasLogin } from "../../protocol/http/basic-auth.ts";
import { endToEnd, headerList, headerValue } from "../../protocol/http/header-list.ts";
import { type OwnTokens, ownTokenIn, ownTokenLifetime } from "../../protocol/own-token.ts";
import { calledName, type Registry, registryAddress } from "../../protocol/registry-name.ts";
import type { Authorizer } from "../../upstream/auth/authorizer.ts";
import type { ChallengeMemory } from "../../upstream/auth/challenge-memory.ts";
import { realmKey } from "../../upstream/auth/realm.ts";
import type { RealmPairs } from "../../upstream/auth/realm-pairs.ts";
import type { BearerChallenge } from "../../upstream/auth/registry-challenge.ts";
import { pullScopes, splitScopes } from "../../upstream/auth/scopes.ts";
import { TokenRefusal } from "../../upstream/auth/token-reply.ts";
import type { Access, RegistryClient } from "../../upstream/registry-client.ts";
import { UpstreamError, unanswered } from "../../upstream/upstream-error.ts";
import type { Ask } from "../ask.ts";
import type { Exchange, Own, Reply } from "../exchange.ts";
import { passThrough } from "../pass-through.ts";
import { passInTime } from "./timed-pass.ts";
import { readTokenForm, refuseOwnTokens, type TokenForm } from "./token-form.ts";

export type TokenRequestsParts = {
  readonly ownTokens: OwnTokens;
  readonly authorizer: Authorizer;
  readonly memory: ChallengeMemory;
  readonly pairs: RealmPairs;
  readonly client: RegistryClient;
  readonly now: () => number;
};

type Issuer = { readonly registry: Registry; readonly bearer: BearerChallenge };

const bodyIdleMs = 60_000;

export class TokenRequests {
  readonly #parts: TokenRequestsParts;

  constructor(parts: TokenRequestsParts) {
    this.#parts = parts;
  }

  /**
   * Whether this is, or may turn out to be, a request to the token service of a registry: `answer`
   * finds out, and leaves what is none to others. To be asked about what is no ping and in no repository.
   */
  isTokenRequest(ask: Ask, method: string): boolean {
    if (ask.door !== "proxy" || (method !== "GET" && method !== "POST")) return false;
    if (this.#issuers(ask).length > 0) return true;
    // Deeper paths under /v2/ are somebody's extension, and writing there obeys other rules.
    return !/^\/v2\/[^/?]*\//.test(ask.target) && this.#unknown(ask.registry).length > 0;
  }

  /** Throws RegistryError, or UpstreamError when a client's own login cannot be passed on. */
  async answer(exchange: Exchange, otherwise: () => Promise<Reply>): Promise<Reply> {
    const { ask, method, headers, tally } = exchange;
    const authorization = headerValue(headers, "authorization");
    const isLoggedIn = hasLogin(authorization) && ownTokenIn(authorization) === undefined;
    const issuers = isLoggedIn ? this.#issuers(ask) : await this.#learnedIssuers(exchange);
    if (issuers.length === 0) return otherwise();
    tally.isToken = true;
    refuseOwnTokens(queryOf(ask));
    const form = method === "POST" ? await readTokenForm(exchange) : undefined;
    if (isLoggedIn) return this.#passOn(exchange, form);
    if (form?.kind === "login" || form?.kind === "foreign") return this.#passOn(exchange, form);
    const issuer = this.#issuerOf(valuesOf("service", ask, form)[0] ?? "", ask);
    return issuer === undefined
      ? this.#passOn(exchange, form)
      : this.#issue(issuer, exchange, form);
  }

  async #issue(issuer: Issuer, exchange: Exchange, form: TokenForm | undefined): Promise<Own> {
    const { registry, bearer } = issuer;
    const isShared = this.#parts.authorizer.hasCredential(registry);
    const scopes = pullScopes(splitScopes(valuesOf("scope", exchange.ask, form)), bearer.scopes);
    const { signal } = exchange;
    try {
      await this.#parts.authorizer.prepare({
        ...{ registry, isShared, scopes, signal },
        patience: "brief",
        from: exchange.ask.client,
      });
    } catch (error) {
      if (error instanceof TokenRefusal) return refused(error);
      // Where it cannot say, the token is made blind, and the pull will find out.
      if (!(error instanceof UpstreamError && unanswered.has(error.code))) throw error;
    }
    const token = this.#parts.ownTokens.mint({
      realm: bearer.key,
      service: bearer.service,
      scopes,
      class: isShared ? "shared" : "anonymous",
    });
    return json({
      token,
      access_token: token,
      scope: scopes.join(" "),
      expires_in: ownTokenLifetime,
      issued_at: new Date(this.#parts.now()).toISOString(),
    });
  }

  /** Whose token is wanted: of several, the one that we have a credential for. */
  #issuerOf(service: string, ask: Ask): Issuer | undefined {
    const { authorizer } = this.#parts;
    const issuers = this.#issuers(ask).filter(({ bearer }) => bearer.service === service);
    return issuers.find(({ registry }) => authorizer.hasCredential(registry)) ?? issuers[0];
  }

  /** Asks the registries of this host that nothing is known of yet, the host itself last. */
  async #learnedIssuers({ ask, signal }: Exchange): Promise<Issuer[]> {
    const { authorizer } = this.#parts;
    const isItself = (one: Registry): boolean => one.name === ask.registry.name;
    for (const isAsked of [(one: Registry) => !isItself(one), isItself]) {
      if (this.#issuers(ask).length > 0) break;
      const unknown = this.#unknown(ask.registry).filter(isAsked);
      // A registry that does not answer makes this no token request that we know of.
      await Promise.allSettled(unknown.map((one) => authorizer.challengeOf(one, signal)));
    }
    return this.#issuers(ask);
  }

  /** Registries whose remembered challenge sends clients here, rightly so. */
  #issuers({ registry: { name, scheme }, target }: Ask): Issuer[] {
    const address = registryAddress(name);
    const [path = ""] = target.split("?", 1);
    const key = realmKey({ scheme, address, path, query: [], scopes: [] });
    return this.#parts.memory
      .registriesOfRealm(key)
      .filter(({ registry }) => this.#parts.pairs.arePaired(registry.name, address))
      .flatMap(({ registry, bearer }) => (bearer === undefined ? [] : [{ registry, bearer }]));
  }

  /** Registries that may have their tokens from this host, and of which nothing is remembered. */
  #unknown(host: Registry): Registry[] {
    return this.#parts.pairs
      .registriesOf(calledName(host.name))
      .map((name): Registry => (name === calledName(host.name) ? host : { name, scheme: "https" }))
      .filter((registry) => this.#parts.memory.recall(registry) === undefined);
  }

  /** As it came, and so is what comes back. */
  #passOn(exchange: Exchange, form: TokenForm | undefined): Promise<Passed> {
    const authorization = headerValue(exchange.headers, "authorization");
    const isOurs = authorization === undefined || ownTokenIn(authorization) !== undefined;
    const from = exchange.ask.client;
    const access: Access = isOurs
      ? { kind: "none", from }
      : { kind: "client", authorization, from };
    return passInTime(exchange, (timed) => this.#pass(timed, access, form));
  }

  async #pass(exchange: Exchange, access: Access, form: TokenForm | undefined): Promise<Passed> {
    const { client } = this.#parts;
    const { ask, method, headers, signal } = exchange;
    if (form === undefined || form.kind === "foreign") {
      return passThrough(exchange, access, client, bodyIdleMs);
    }
    const response = await client.send({
      registry: ask.registry,
      method,
      target: ask.target,
      headers: endToEnd(headers),
      body: form.body,
      isRepeatable: form.isRepeatable,
      access,
      redirects: "pass",
      patience: "full",
      signal,
    });
    return { kind: "passed", response, outcome: "bypass" };
  }
}

/** What the query says, or else the form. */
function valuesOf(name: string, ask: Ask, form: TokenForm | undefined): string[] {
  const fields = form?.kind === "anonymous" ? form.fields.getAll(name) : [];
  return [...queryOf(ask).getAll(name), ...fields];
}

function queryOf({ target }: Ask): URLSearchParams {
  return new URLSearchParams(target.slice(`${target}?`.indexOf("?") + 1));
}

/** The token service's own words. */
function refused(refusal: TokenRefusal): Own {
  const { status, contentType, body } = refusal;
  return {
    kind: "own",
    status,
    headers: headerList({ "content-type": contentType, "cache-control": "no-store" }),
    body,
  };
}

function json(value: unknown): Own {
  return {
    kind: "own",
    status: 200,
    headers: headerList({ "content-type": "application/json", "cache-control": "no-store" }),
    body: Buffer.from(JSON.stringify(value)),
  };
}
