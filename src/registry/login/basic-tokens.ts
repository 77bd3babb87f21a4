/**
 * The token service of a Basic registry with an entry: who comes without a login gets a token for the
 * operator's, who comes with one gets it back sealed in a token, once the registry has taken it.
 */
import { hasLogin, printBasic } from "../../protocol/http/basic-auth.ts";
import { headerList, headerValue } from "../../protocol/http/header-list.ts";
import { type OwnTokens, ownTokenIn, ownTokenLifetime } from "../../protocol/own-token.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import type { SealedLogins } from "../../protocol/sealed-login.ts";
import type { Credentials } from "../../upstream/auth/credentials.ts";
import { discard } from "../../upstream/body.ts";
import type { RegistryClient } from "../../upstream/registry-client.ts";
import type { Ask } from "../ask.ts";
import type { Exchange, Own } from "../exchange.ts";
import { isOwnRealm, ownRealm } from "./own-realm.ts";
import { readTokenForm } from "./token-form.ts";

export type BasicTokensParts = {
  readonly ownTokens: OwnTokens;
  readonly sealedLogins: SealedLogins;
  /** The operator's. */
  readonly logins: Pick<Credentials, "hasOwnEntry">;
  readonly client: RegistryClient;
  readonly now: () => number;
};

export class BasicTokens {
  readonly #parts: BasicTokensParts;

  constructor(parts: BasicTokensParts) {
    this.#parts = parts;
  }

  isTokenRequest(ask: Ask, method: string): boolean {
    if (ask.door !== "proxy" || (method !== "GET" && method !== "POST")) return false;
    return isOwnRealm(ask) && this.#parts.logins.hasOwnEntry(ask.registry);
  }

  /** Throws RegistryError UNAUTHORIZED for a login that the registry refuses, UpstreamError when it cannot be asked. */
  async answer(exchange: Exchange): Promise<Own> {
    const { registry } = exchange.ask;
    const { ownTokens, sealedLogins, now } = this.#parts;
    const login = await loginOf(exchange);
    if (login !== undefined) await this.#check(login, exchange);
    const token = ownTokens.mint({
      realm: ownRealm(registry),
      service: registry.name,
      scopes: [],
      ...(login === undefined
        ? { class: "shared" }
        : { class: "login", login: sealedLogins.seal(login, registry.name) }),
    });
    const value = {
      ...{ token, access_token: token, expires_in: ownTokenLifetime },
      issued_at: new Date(now()).toISOString(),
    };
    return {
      kind: "own",
      status: 200,
      headers: headerList({ "content-type": "application/json", "cache-control": "no-store" }),
      body: Buffer.from(JSON.stringify(value)),
    };
  }

  /** Where everybody may ping, what a login is worth shows at the first request. */
  async #check(authorization: string, { ask, signal }: Exchange): Promise<void> {
    const { registry } = ask;
    const { status, body } = await this.#parts.client.send({
      ...{ registry, method: "GET", target: "/v2/", headers: new Map() },
      access: { kind: "client", authorization, isSealed: true, from: ask.client },
      ...{ redirects: "pass", patience: "full", signal },
    });
    discard(body);
    if (status !== 401 && status !== 403) return;
    throw new RegistryError("UNAUTHORIZED", `${registry.name} refuses this login`);
  }
}

/** The Authorization that the client's login is at the registry; undefined without a login. */
async function loginOf(exchange: Exchange): Promise<string | undefined> {
  const authorization = headerValue(exchange.headers, "authorization");
  if (hasLogin(authorization) && ownTokenIn(authorization) === undefined) {
    if (/^basic /i.test(authorization ?? "")) return authorization;
    throw new RegistryError("UNAUTHORIZED", "this registry takes a user and a password");
  }
  if (exchange.method !== "POST") return undefined;
  const form = await readTokenForm(exchange);
  if (form.kind !== "login") return undefined;
  const { fields } = form;
  const [user, password] = [fields.get("username") ?? "", fields.get("password") ?? ""];
  if (password !== "") return printBasic({ user, password });
  throw new RegistryError("UNAUTHORIZED", "this registry takes a user and a password");
}
