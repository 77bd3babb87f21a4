/**
 * In whose name a request goes on: what a client sent as Authorization becomes the Access its request
 * has upstream, narrowed by what the request does. A token of ours never leaves the house; a login of
 * the client's own is never touched.
 */
import { hasLogin } from "../../protocol/http/basic-auth.ts";
import {
  type Challenge,
  parseChallenges,
  printChallenge,
  withParameters,
} from "../../protocol/http/challenge.ts";
import { type HeaderList, headerList, headerValue } from "../../protocol/http/header-list.ts";
import { type OwnTokenClaims, type OwnTokens, ownTokenIn } from "../../protocol/own-token.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import type { Registry } from "../../protocol/registry-name.ts";
import { prefixedRoute } from "../../protocol/route-readings.ts";
import type { SealedLogins } from "../../protocol/sealed-login.ts";
import type { Authorizer } from "../../upstream/auth/authorizer.ts";
import type { Credentials } from "../../upstream/auth/credentials.ts";
import type { RememberedChallenge } from "../../upstream/auth/registry-challenge.ts";
import { scopesOf } from "../../upstream/client/request-facts.ts";
import type { Access } from "../../upstream/registry-client.ts";
import { UpstreamError } from "../../upstream/upstream-error.ts";
import type { Ask } from "../ask.ts";
import type { Exchange } from "../exchange.ts";
import { ownChallenge, ownRealm } from "./own-realm.ts";

/** To be answered 401 with these WWW-Authenticate lines. */
export type Rejected = { readonly kind: "rejected"; readonly challenge: readonly string[] };

export type AccessParts = {
  readonly ownTokens: OwnTokens;
  readonly sealedLogins: SealedLogins;
  readonly authorizer: Authorizer;
  /** The operator's. */
  readonly logins: Pick<Credentials, "has" | "hasOwnEntry">;
};

type Asked = { readonly method: string; readonly signal: AbortSignal };

type AccessContext = AccessParts & Asked;

/** Turns a request's Authorization into an access. May ask the registry's `/v2/` when nothing is known of it yet. */
export type AccessOf = (headers: HeaderList, ask: Ask, asked: Asked) => Promise<Access | Rejected>;

export function accessBy(parts: AccessParts): AccessOf {
  return (headers, ask, asked) => decideAccess(headers, ask, { ...parts, ...asked });
}

async function decideAccess(
  headers: HeaderList,
  ask: Ask,
  context: AccessContext,
): Promise<Access | Rejected> {
  const authorization = headerValue(headers, "authorization");
  if (ask.foreign !== undefined) return { kind: isRead(context) ? "anonymous" : "none" };
  if (ask.isOpen) return isRead(context) ? sharedOrAnonymous(ask, context) : { kind: "none" };
  if (authorization === undefined) return accessWithoutLogin(ask, context);
  const token = ownTokenIn(authorization);
  if (token !== undefined) return accessOfOwnToken(token, ask, context);
  if (hasLogin(authorization)) return { kind: "client", authorization };
  return accessWithoutLogin(ask, context);
}

async function accessOfOwnToken(
  token: string,
  ask: Ask,
  context: AccessContext,
): Promise<Access | Rejected> {
  const reading = context.ownTokens.read(token);
  if (!reading.ok) return accessOfClaims(undefined, ask, context);
  const access = await accessOfClaims(reading.claims, ask, context);
  return access.kind === "rejected" ? access : { ...access, until: reading.until };
}

async function accessOfClaims(
  claims: OwnTokenClaims | undefined,
  ask: Ask,
  context: AccessContext,
): Promise<Access | Rejected> {
  if (claims !== undefined && isOfOwnRealm(claims, ask, context)) {
    return accessOfOwnRealm(claims, ask, context);
  }
  const known = accessOfRealm(claims, ask, context);
  if (known !== undefined) return known;
  const remembered = await challengeOf(ask.registry, context, scopesOf(ask.target));
  return accessOfRealm(claims, ask, context) ?? notOfRealm(claims, remembered, ask, context);
}

/** What a token for that registry's token service opens for reading; undefined for any other. */
function accessOfRealm(
  claims: OwnTokenClaims | undefined,
  ask: Ask,
  context: AccessContext,
): Access | undefined {
  if (claims === undefined || !isRead(context)) return undefined;
  if (!context.authorizer.isRealmOf(ask.registry, claims)) return undefined;
  return claims.class === "shared" ? sharedOrAnonymous(ask, context) : { kind: "anonymous" };
}

function notOfRealm(
  claims: OwnTokenClaims | undefined,
  remembered: RememberedChallenge | undefined,
  ask: Ask,
  context: AccessContext,
): Access | Rejected {
  if (context.authorizer.hasOwnRealm(ask.registry)) return rejectedHere(ask, "invalid_token");
  // A registry that asks for no login has no challenge to send anybody away with.
  if (remembered?.lines.length === 0) return { kind: isRead(context) ? "anonymous" : "none" };
  const challenges = parseChallenges(remembered?.lines ?? []);
  if (claims === undefined) return rejected(challenges, ask, "invalid_token");
  if (!isRead(context)) return rejected(challenges, ask, "insufficient_scope");
  // Nothing remembered and nobody to ask: what everybody may have is all it can open.
  if (remembered === undefined) return { kind: "anonymous" };
  return rejected(challenges, ask, "invalid_token");
}

function isOfOwnRealm(
  { realm }: OwnTokenClaims,
  { registry }: Ask,
  context: AccessContext,
): boolean {
  return realm === ownRealm(registry) && context.logins.hasOwnEntry(registry);
}

/** What a token of a realm of ours opens: the operator's login for reading, the client's own for everything. */
function accessOfOwnRealm(
  { class: kind, login }: OwnTokenClaims,
  ask: Ask,
  context: AccessContext,
): Access | Rejected {
  if (kind !== "login") {
    return isRead(context) ? { kind: "shared" } : rejectedHere(ask, "insufficient_scope");
  }
  const authorization = context.sealedLogins.open(login ?? "", ask.registry.name);
  if (authorization === undefined) return rejectedHere(ask, "invalid_token");
  return { kind: "client", authorization, isSealed: true };
}

/** Engines that never ping read with the operator's login; what it does not open is refused in the registry's own words. */
async function accessWithoutLogin(ask: Ask, context: AccessContext): Promise<Access> {
  const { authorizer, logins } = context;
  if (ask.isPublicOnly === true) return { kind: "none" };
  if (!isRead(context) || !logins.hasOwnEntry(ask.registry)) return { kind: "none" };
  await challengeOf(ask.registry, context);
  return { kind: authorizer.hasOwnRealm(ask.registry) ? "shared" : "none" };
}

function sharedOrAnonymous(ask: Ask, context: AccessContext): Access {
  const isShared = ask.isPublicOnly !== true && context.logins.has(ask.registry);
  return { kind: isShared ? "shared" : "anonymous" };
}

/** Pushes use the client's own login or none: ours pull and do nothing else. */
function isRead(context: AccessContext): boolean {
  return context.method === "GET" || context.method === "HEAD";
}

async function challengeOf(
  registry: Registry,
  context: AccessContext,
  scopes: readonly string[] = [],
): Promise<RememberedChallenge | undefined> {
  try {
    return await context.authorizer.challengeOf(registry, context.signal, scopes);
  } catch (error) {
    if (error instanceof UpstreamError && error.code !== "ABORTED") return undefined;
    throw error;
  }
}

function rejectedHere(ask: Ask, error: "invalid_token" | "insufficient_scope"): Rejected {
  return rejected([ownChallenge(ask.registry)], ask, error);
}

/** With `error=`, or else containerd asks for the same token for ever. */
function rejected(
  challenges: readonly Challenge[],
  ask: Ask,
  error: "invalid_token" | "insufficient_scope",
): Rejected {
  const actions = error === "insufficient_scope" ? ":pull,push" : ":pull";
  const scopes = scopesOf(ask.target).map((scope) => scope.replace(/:pull$/, actions));
  const challenge = challenges.map((one) => {
    if (one.scheme !== "bearer") return printChallenge(one);
    const scope = scopes.length > 0 ? scopes.join(" ") : one.parameters.get("scope");
    return printChallenge(withParameters(one, { scope, error }));
  });
  return { kind: "rejected", challenge };
}

/** For what only reads. Throws RegistryError UNAUTHORIZED with the challenge when it is rejected. */
export async function readingAccess(exchange: Exchange, accessOf: AccessOf): Promise<Access> {
  const { headers, ask, method, signal, tally } = exchange;
  const access = await accessOf(headers, ask, { method, signal });
  const from = ask.client;
  tally.loginUntil = access.kind === "rejected" ? undefined : access.until;
  if (access.kind === "shared" && ask.isPublicOnly === true) return { kind: "anonymous", from };
  tally.isShared = access.kind === "shared";
  if (access.kind !== "rejected") return { ...access, from };
  throw new RegistryError("UNAUTHORIZED", "the token is not valid here any more; log in again", {
    headers: headerList({ "www-authenticate": access.challenge }),
  });
}

/** For what writes: the client's own login or none, never the operator's credential. */
export async function writingAccess(exchange: Exchange, accessOf: AccessOf): Promise<Access> {
  const access = await readingAccess(exchange, accessOf);
  return access.kind === "client" ? access : { kind: "none", from: access.from };
}

/**
 * For what is no pull: only what the client sent, and no token of ours but where one may go (a
 * repository's content under a path prefix, as containerd's `override_path` asks for it).
 */
export async function outsideAccess(exchange: Exchange, accessOf: AccessOf): Promise<Access> {
  const { headers, ask, method, route, signal } = exchange;
  const authorization = headerValue(headers, "authorization");
  if (authorization === undefined) return { kind: "none", from: ask.client };
  const isContent = route.kind === "outside" && prefixedRoute(route.path) !== undefined;
  if (isContent && ownTokenIn(authorization) !== undefined)
    return readingAccess(exchange, accessOf);
  const access = await accessOf(headers, ask, { method, signal });
  return access.kind === "client"
    ? { ...access, from: ask.client }
    : { kind: "none", from: ask.client };
}
