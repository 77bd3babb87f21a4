/**
 * One request to a registry with what the authorizer gives it and, when it is refused, again with
 * what else is worth trying: a fresh login or token, and at last no login rather than a refused one.
 */
import { isRefusal } from "../../protocol/http/status.ts";
import { bearerToken } from "../../protocol/own-token.ts";
import type { AuthorizationAsk } from "../auth/authorization.ts";
import type { Authorizer } from "../auth/authorizer.ts";
import { discard } from "../body.ts";
import type { RegistryResponse } from "../registry-client.ts";

/** What is asked of the authorizer. */
export type Authorizing = Pick<
  Authorizer,
  "authorize" | "retry" | "isLoginRefused" | "hasCredential" | "payer"
>;

/** An answer, and what it was given for. */
export type Authorized = {
  readonly response: RegistryResponse;
  readonly authorization: string | undefined;
};

type Send = (authorization: string | undefined) => Promise<RegistryResponse>;

/** Throws what `send` and the authorizer throw; no answer is then left open. */
export async function sendAuthorized(
  authorizer: Authorizing,
  ask: AuthorizationAsk,
  send: Send,
  isForTokensOnly = false,
): Promise<Authorized> {
  if (isForTokensOnly) return await sendWithToken(authorizer, ask, send);
  const authorization = await authorizer.authorize(ask);
  const first = { authorization, response: await send(authorization) };
  const { status, headers } = first.response;
  const other = await unlessThrown(first, async () => {
    if (!isRefusal(status)) return undefined;
    const challenges = headers.get("www-authenticate") ?? [];
    return await authorizer.retry(ask, authorization, { status, challenges });
  });
  const last = other === undefined ? first : await instead(first, other, send);
  const isRefused = await unlessThrown(last, () =>
    authorizer.isLoginRefused(ask, last.authorization, last.response.status),
  );
  return isRefused ? await instead(last, undefined, send) : last;
}

/**
 * One request with a token, or with nothing. What refuses it may be a stranger's page beside the
 * registry: nothing is learned from it, no login is counted as refused, and there is no second try.
 */
async function sendWithToken(
  authorizer: Authorizing,
  ask: AuthorizationAsk,
  send: Send,
): Promise<Authorized> {
  const given = await authorizer.authorize(ask);
  const authorization = bearerToken(given) === undefined ? undefined : given;
  return { authorization, response: await send(authorization) };
}

async function instead(
  { response }: Authorized,
  authorization: string | undefined,
  send: Send,
): Promise<Authorized> {
  discard(response.body);
  return { authorization, response: await send(authorization) };
}

async function unlessThrown<T>({ response }: Authorized, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    response.body.destroy();
    throw error;
  }
}
