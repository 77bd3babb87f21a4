/**
 * The hosted registry's own token service (distribution, auth/token.md and auth/oauth.md): a login in,
 * a token out that says who it is and what they asked for.
 */
import { hostedTokenLife, parseScopes, type Scope } from "../../hosted/hosted-tokens.ts";
import { hasLogin, parseBasic, type UserAndPassword } from "../../protocol/http/basic-auth.ts";
import { headerList, headerValue } from "../../protocol/http/header-list.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import type { Exchange, Own } from "../exchange.ts";
import { readTokenForm } from "../login/token-form.ts";
import { hostOf } from "./asker.ts";
import type { HostedParts } from "./hosted-parts.ts";
import { json } from "./own.ts";
import { queryOf } from "./query.ts";

type Asked = { readonly login: UserAndPassword | undefined; readonly scopes: readonly string[] };

/** Throws RegistryError UNAUTHORIZED for a wrong login. */
export async function answerToken(exchange: Exchange, parts: HostedParts): Promise<Own> {
  const { ask } = exchange;
  const { login, scopes } = exchange.method === "POST" ? await inForm(exchange) : inQuery(exchange);
  const { logins, tokens } = parts;
  const user = logins.areKept ? login?.user : undefined;
  if (login !== undefined && logins.areKept && !(await logins.verify(login, ask.client))) {
    throw wrongLogin(exchange);
  }
  const token = tokens.mint({ user, scopes: granted(user, parseScopes(scopes), parts) });
  const about = { expires_in: hostedTokenLife, issued_at: tokens.issuedAt() };
  return json({ token, access_token: token, ...about }, { "cache-control": "no-store" });
}

/** What they have a right to: less than asked for is no error. */
function granted(
  user: string | undefined,
  scopes: readonly Scope[],
  { rights }: HostedParts,
): readonly Scope[] {
  return scopes.map(({ repository, actions }) => ({
    repository,
    actions: actions.filter((action) => rights.may(user, repository, action)),
  }));
}

function inQuery({ ask, headers }: Exchange): Asked {
  const authorization = headerValue(headers, "authorization");
  const login = hasLogin(authorization) ? parseBasic(authorization ?? "") : undefined;
  return { login, scopes: queryOf(ask).getAll("scope") };
}

/** A refresh token is never given, and so none is any good. */
async function inForm(exchange: Exchange): Promise<Asked> {
  const form = await readTokenForm(exchange);
  if (form.kind === "foreign") return inQuery(exchange);
  const { fields } = form;
  const scopes = fields.getAll("scope");
  if ((fields.get("refresh_token") ?? "") !== "") throw wrongLogin(exchange);
  const [user, password] = [fields.get("username") ?? "", fields.get("password") ?? ""];
  const hasOne = user !== "" || password !== "";
  return { login: hasOne ? { user, password } : inQuery(exchange).login, scopes };
}

function wrongLogin({ ask }: Exchange): RegistryError {
  return new RegistryError("UNAUTHORIZED", "the user name or the password is wrong", {
    headers: headerList({ "www-authenticate": `Basic realm="${hostOf(ask)}"` }),
  });
}
