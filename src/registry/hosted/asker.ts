/** Who asks the hosted registry, and what they may do: rights are checked before anything is looked up. */
import { printScope, type Scope } from "../../hosted/hosted-tokens.ts";
import type { Action } from "../../hosted/rules.ts";
import { hasLogin, parseBasic } from "../../protocol/http/basic-auth.ts";
import { printChallenge } from "../../protocol/http/challenge.ts";
import { headerList, headerValue } from "../../protocol/http/header-list.ts";
import { formatHostPort, type HostPort, parseHostPort } from "../../protocol/http/host-port.ts";
import { bearerToken } from "../../protocol/own-token.ts";
import type { RepositoryName } from "../../protocol/reference.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import { registryAddress } from "../../protocol/registry-name.ts";
import type { Ask } from "../ask.ts";
import type { Exchange } from "../exchange.ts";
import type { HostedParts } from "./hosted-parts.ts";

export const tokenPath = "/v2/token";

export type HostedAsker = {
  /** Undefined for one who did not log in. */
  readonly user: string | undefined;
  /** What their token was made for; undefined for one who came without. */
  readonly scopes: readonly Scope[] | undefined;
};

type AskerParts = Pick<HostedParts, "logins" | "tokens" | "rights" | "publicUrl">;

/** Throws RegistryError UNAUTHORIZED for a login or token that is no good here. */
export async function askerOf(exchange: Exchange, parts: AskerParts): Promise<HostedAsker> {
  const { headers, ask } = exchange;
  const { logins, tokens } = parts;
  const authorization = headerValue(headers, "authorization");
  const token = bearerToken(authorization);
  if (token !== undefined) {
    const claims = tokens.read(token);
    const isGone = claims?.user !== undefined && !logins.has(claims.user);
    if (claims === undefined || isGone) throw challenge(ask, parts, { error: "invalid_token" });
    return { user: claims.user, scopes: claims.scopes };
  }
  const login = parseBasic(authorization ?? "");
  // Where there are no logins nothing is asked for, and what is sent all the same opens nothing.
  if (login === undefined || !hasLogin(authorization) || !logins.areKept) {
    return { user: undefined, scopes: undefined };
  }
  if (await logins.verify(login, ask.client)) return { user: login.user, scopes: undefined };
  throw challenge(ask, parts, { message: "the user name or the password is wrong" });
}

/** Whether a token is good for it; undefined for who has none. */
export function isWithin(
  scopes: HostedAsker["scopes"],
  repository: RepositoryName,
  action: Action,
): boolean | undefined {
  return scopes?.some((one) => one.repository === repository && one.actions.includes(action));
}

/**
 * Whether they may. False is for one who is known and may not; one who has not shown who they are, or
 * has a token for less, is asked to: throws RegistryError UNAUTHORIZED.
 */
export function may(
  exchange: Exchange,
  { user, scopes }: HostedAsker,
  wanted: { readonly repository: RepositoryName; readonly action: Action },
  parts: AskerParts,
): boolean {
  const { repository, action } = wanted;
  const { rights, logins } = parts;
  const isInScope = isWithin(scopes, repository, action);
  const isRight = rights.may(user, repository, action);
  if (isRight && isInScope !== false) return true;
  if (!isRight && (user !== undefined || !logins.areKept)) return false;
  const actions: readonly Action[] = action === "push" ? ["pull", "push"] : [action];
  const error = scopes === undefined ? undefined : "insufficient_scope";
  throw challenge(exchange.ask, parts, { scope: printScope({ repository, actions }), error });
}

/** Throws RegistryError DENIED, or UNAUTHORIZED, unless they may; UNSUPPORTED while nobody may. */
export function letWrite(
  exchange: Exchange,
  asker: HostedAsker,
  wanted: { readonly repository: RepositoryName; readonly action: "push" | "delete" },
  parts: AskerParts,
): void {
  const { repository, action } = wanted;
  if (!may(exchange, asker, wanted, parts)) {
    const verb = action === "push" ? "push to" : "delete from";
    throw asker.user === undefined
      ? denied(
          `nobody may ${verb} this registry without a login, and there are none; HOSTED_HTPASSWD names them`,
          "HOSTED_HTPASSWD",
        )
      : denied(`${asker.user} may not ${verb} ${repository}`, "HOSTED_RULES");
  }
  parts.rights.letWrite();
}

/** A realm on the very door that was asked; `error` keeps containerd from asking for ever. */
export function challenge(
  ask: Ask,
  { publicUrl }: Pick<HostedParts, "publicUrl">,
  its: {
    readonly scope?: string;
    readonly error?: "invalid_token" | "insufficient_scope" | undefined;
    readonly message?: string;
  } = {},
): RegistryError {
  const host = hostOf(ask);
  const parameters = new Map([
    ["realm", `${originOf(ask, publicUrl)}${tokenPath}`],
    ["service", host],
    ...(its.scope === undefined ? [] : [["scope", its.scope] as const]),
    ...(its.error === undefined ? [] : [["error", its.error] as const]),
  ]);
  return new RegistryError("UNAUTHORIZED", its.message ?? "authentication required", {
    headers: headerList({ "www-authenticate": printChallenge({ scheme: "bearer", parameters }) }),
  });
}

/** As the client spelled it, but for the usual port. */
export function hostOf({ registry }: Ask): string {
  const usual = registry.scheme === "https" ? 443 : 80;
  return formatHostPort(registryAddress(registry.name), usual);
}

/** Whoever ends TLS before us hands on plain HTTP, and passwords are not to be sent like that. */
function originOf(ask: Ask, publicUrl: string | undefined): string {
  const asked = registryAddress(ask.registry.name);
  const url = publicUrl === undefined ? undefined : new URL(publicUrl);
  if (url?.protocol === "https:" && isAt(url, asked)) return url.origin;
  return `${ask.registry.scheme}://${hostOf(ask)}`;
}

function isAt({ host }: URL, asked: HostPort): boolean {
  const named = parseHostPort(host, 443);
  if (named?.host !== asked.host) return false;
  return named.port === asked.port || (named.port === 443 && asked.port === 80);
}

function denied(sentence: string, setting: string): RegistryError {
  return new RegistryError("DENIED", sentence, { detail: { setting } });
}
