/** Who may do what at a fake registry: nobody asked, Basic, or Bearer with a token service of its own. */
import { randomUUID } from "node:crypto";
import type { Answer } from "./answer.ts";
import { failure, json } from "./content.ts";

export type Auth =
  | { readonly kind: "none" }
  | { readonly kind: "basic"; readonly users: Users }
  | {
      readonly kind: "bearer";
      readonly users?: Users;
      /** Whether a token is given without a login (default: yes); never for private repositories. */
      readonly anonymous?: boolean;
      readonly privateRepositories?: readonly string[];
      /** Repositories that only these users may pull. */
      readonly members?: Readonly<Record<string, readonly string[]>>;
      /** Named in the challenge; default: `/token` of this very server. */
      readonly realm?: string;
      readonly service?: string;
      /** Seconds, as told in the token reply and kept to by the registry (default 300). */
      readonly expiresIn?: number;
    };

/** Password by user. */
type Users = Readonly<Record<string, string>>;

export type TokenRequest = {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  /** Query of a GET, form of a POST. */
  readonly parameters: URLSearchParams;
  readonly scopes: readonly string[];
};

type Asked = {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly form: string;
};

type Grant = { readonly scopes: ReadonlySet<string>; readonly until: number };

export class Gatekeeper {
  readonly tokenRequests: TokenRequest[] = [];
  readonly #auth: Auth;
  readonly #origin: () => string;
  readonly #grants = new Map<string, Grant>();

  constructor(auth: Auth, origin: () => string) {
    this.#auth = auth;
    this.#origin = origin;
  }

  /** Makes every token given so far worthless. */
  revokeTokens(): void {
    this.#grants.clear();
  }

  /** The refusal, or undefined when the request may pass. */
  refusal(authorization: string | undefined, scope: string | undefined): Answer | undefined {
    const auth = this.#auth;
    if (auth.kind === "none") return undefined;
    if (auth.kind === "basic") {
      if (loginOf(authorization, auth.users) !== undefined) return undefined;
      return challenge('Basic realm="fake registry"');
    }
    const grant = this.#grants.get(authorization?.replace(/^Bearer /i, "") ?? "");
    const isGood = grant !== undefined && grant.until > Date.now();
    if (isGood && (scope === undefined || grant.scopes.has(scope))) return undefined;
    return challenge(this.#bearerChallenge(scope, authorization !== undefined));
  }

  token(asked: Asked): Answer {
    const auth = this.#auth;
    if (auth.kind !== "bearer") return failure(404, "NOT_FOUND");
    const parameters =
      asked.method === "POST" ? new URLSearchParams(asked.form) : queryOf(asked.url);
    const scopes = parameters.getAll("scope").flatMap((scope) => scope.split(" "));
    const { method, url, authorization } = asked;
    this.tokenRequests.push({ method, url, authorization, parameters, scopes });
    const login = asked.method === "POST" ? formLogin(parameters, auth.users ?? {}) : undefined;
    const user = login ?? loginOf(authorization, auth.users ?? {});
    const isLoginTried = parameters.has("password") || /^Basic (?!Og==$)/.test(authorization ?? "");
    if (user === undefined && (isLoginTried || auth.anonymous === false)) {
      return failure(401, "UNAUTHORIZED");
    }
    return this.#grant(scopes, user);
  }

  #grant(scopes: readonly string[], user: string | undefined): Answer {
    const auth = this.#auth;
    if (auth.kind !== "bearer") return failure(404, "NOT_FOUND");
    const granted = scopes.flatMap(expand).filter((scope) => {
      const [, repository = "", action] = scope.split(":");
      const members = auth.members?.[repository];
      if (members !== undefined) return user !== undefined && members.includes(user);
      const isPrivate = auth.privateRepositories?.includes(repository) ?? false;
      return user !== undefined || (action === "pull" && !isPrivate);
    });
    const expiresIn = auth.expiresIn ?? 300;
    // Worth nothing to a thief without a login.
    const token = `${user === undefined ? "anonymous" : "CANARY"}-token-${randomUUID()}`;
    this.#grants.set(token, { scopes: new Set(granted), until: Date.now() + expiresIn * 1_000 });
    const issued = new Date().toISOString();
    return json(200, { token, access_token: token, expires_in: expiresIn, issued_at: issued });
  }

  #bearerChallenge(scope: string | undefined, isTokenBad: boolean): string {
    const auth = this.#auth;
    const realm = (auth.kind === "bearer" && auth.realm) || `${this.#origin()}/token`;
    const service = (auth.kind === "bearer" && auth.service) || "fake-registry";
    const scoped = scope === undefined ? "" : `,scope="${scope}"`;
    const error = isTokenBad ? ',error="invalid_token"' : "";
    return `Bearer realm="${realm}",service="${service}"${scoped}${error}`;
  }
}

function challenge(text: string): Answer {
  return failure(401, "UNAUTHORIZED", { "www-authenticate": text });
}

function queryOf(url: string): URLSearchParams {
  return new URL(url, "http://fake").searchParams;
}

/** `repository:a:pull,push` as one entry per action. */
function expand(scope: string): string[] {
  const end = scope.lastIndexOf(":");
  const actions = scope.slice(end + 1).split(",");
  return actions.map((action) => `${scope.slice(0, end)}:${action}`);
}

function loginOf(authorization: string | undefined, users: Users): string | undefined {
  const encoded = /^Basic (\S+)$/i.exec(authorization ?? "")?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString();
  const colon = text.indexOf(":");
  const user = text.slice(0, colon);
  return users[user] === text.slice(colon + 1) ? user : undefined;
}

function formLogin(form: URLSearchParams, users: Users): string | undefined {
  const user = form.get("username") ?? "";
  const isKnown = users[user] !== undefined && users[user] === form.get("password");
  return isKnown ? user : undefined;
}
