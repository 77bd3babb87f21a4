/**
 * Turns what a client sent as Authorization into the Access its request has upstream. A token of
 * ours never leaves the house; a login of the client's own is never touched.
 */
import { hasLogin } from "../../protocol/http/basic-auth.ts";
import { parseChallenges, printChallenge, withParameters } from "../../protocol/http/challenge.ts";
import { type HeaderList, headerValue } from "../../protocol/http/header-list.ts";
import { type OwnTokens, ownTokenIn } from "../../protocol/own-token.ts";
import type { Registry } from "../../protocol/registry-name.ts";
import type { Authorizer } from "../../upstream/auth/authorizer.ts";
import type { RememberedChallenge } from "../../upstream/auth/challenge-memory.ts";
import { scopesOf } from "../../upstream/auth/scopes.ts";
import type { Access } from "../../upstream/registry-client.ts";
import { UpstreamError } from "../../upstream/upstream-error.ts";
import type { Ask } from "../ask.ts";

/** To be answered 401 with these WWW-Authenticate lines. */
export type Rejected = { readonly kind: "rejected"; readonly challenge: readonly string[] };

export type AccessContext = {
  readonly method: string;
  readonly signal: AbortSignal;
  readonly ownTokens: OwnTokens;
  readonly authorizer: Authorizer;
};

/** May ask the registry's `/v2/` when nothing is known of it yet. */
export async function accessOf(
  headers: HeaderList,
  ask: Ask,
  context: AccessContext,
): Promise<Access | Rejected> {
  const authorization = headerValue(headers, "authorization");
  if (ask.foreign !== undefined) return { kind: isRead(context) ? "anonymous" : "none" };
  if (ask.isOpen) return isRead(context) ? sharedOrAnonymous(ask, context) : { kind: "none" };
  const token = ownTokenIn(authorization);
  if (token !== undefined) return accessOfOwnToken(token, ask, context);
  if (authorization !== undefined && hasLogin(authorization)) {
    return { kind: "client", authorization };
  }
  return accessWithoutLogin(ask, context);
}

async function accessOfOwnToken(
  token: string,
  ask: Ask,
  context: AccessContext,
): Promise<Access | Rejected> {
  const reading = context.ownTokens.read(token);
  const remembered = await challengeOf(ask.registry, context);
  // A registry that asks for no login has no challenge to send anybody away with.
  if (remembered?.lines.length === 0) return { kind: isRead(context) ? "anonymous" : "none" };
  if (!reading.ok) return rejected(remembered, ask, "invalid_token");
  if (!isRead(context)) return rejected(remembered, ask, "insufficient_scope");
  // Nothing remembered and nobody to ask: what everybody may have is all it can open.
  if (remembered === undefined) return { kind: "anonymous" };
  const { bearer } = remembered;
  const { realm, service, class: kind } = reading.claims;
  const isMeant = bearer !== undefined && bearer.key === realm && bearer.service === service;
  if (!isMeant) return rejected(remembered, ask, "invalid_token");
  return kind === "shared" ? sharedOrAnonymous(ask, context) : { kind: "anonymous" };
}

/** Engines learn from the ping alone how to log in, so a Basic registry with an entry never asks them. */
async function accessWithoutLogin(ask: Ask, context: AccessContext): Promise<Access> {
  const { authorizer } = context;
  if (ask.isPublicOnly === true) return { kind: "none" };
  if (!isRead(context) || !authorizer.hasOwnEntry(ask.registry)) return { kind: "none" };
  await challengeOf(ask.registry, context);
  return { kind: authorizer.isSharedOnly(ask.registry) ? "shared" : "none" };
}

function sharedOrAnonymous(ask: Ask, context: AccessContext): Access {
  const isShared = ask.isPublicOnly !== true && context.authorizer.hasCredential(ask.registry);
  return { kind: isShared ? "shared" : "anonymous" };
}

/** Pushes use the client's own login or none: ours pull and do nothing else. */
function isRead(context: AccessContext): boolean {
  return context.method === "GET" || context.method === "HEAD";
}

async function challengeOf(
  registry: Registry,
  context: AccessContext,
): Promise<RememberedChallenge | undefined> {
  try {
    return await context.authorizer.challengeOf(registry, context.signal);
  } catch (error) {
    if (error instanceof UpstreamError && error.code !== "ABORTED") return undefined;
    throw error;
  }
}

/** With `error=`, or else containerd asks for the same token for ever. */
function rejected(
  remembered: RememberedChallenge | undefined,
  ask: Ask,
  error: "invalid_token" | "insufficient_scope",
): Rejected {
  const actions = error === "insufficient_scope" ? ":pull,push" : ":pull";
  const scopes = scopesOf(ask.target).map((scope) => scope.replace(/:pull$/, actions));
  const challenge = parseChallenges(remembered?.lines ?? []).map((one) => {
    if (one.scheme !== "bearer") return printChallenge(one);
    const scope = scopes.length > 0 ? scopes.join(" ") : one.parameters.get("scope");
    return printChallenge(withParameters(one, { scope, error }));
  });
  return { kind: "rejected", challenge };
}
