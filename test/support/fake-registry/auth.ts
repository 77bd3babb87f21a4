/** Who may do what at a fake registry: nobody asked, Basic, or Bearer with a token service of its own. */
import { randomUUID } from "node:crypto";
import type { Answer } from "./answer.ts";
import { failure, json } from "./content.ts";

export type Auth =
  | { readonly kind: "none" }
  | {
      readonly kind: "basic";
      readonly users: Users;
      /** Repositories that are given without a login. */
      readonly publicRepositories?: readonly string[];
      readonly members?: Members;
      readonly hasSessions?: boolean;
    }
  | {
      readonly kind: "bearer";
      readonly users?: Users;
      /** Whether a token is given without a login (default: yes); never for private repositories. */
      readonly anonymous?: boolean;
      readonly privateRepositories?: readonly string[];
      /** Repositories that only these users may pull. */
      readonly members?: Members;
      /** Whether a login is answered with a cookie that is as good. */
      readonly hasSessions?: boolean;
      /** A login is taken from a POST alone; GET gives tokens to nobody in particular. */
      readonly isLoginByForm?: boolean;
      /** Named in the challenge; default: `/token` of this very server. */
      readonly realm?: string;
      readonly service?: string;
      /** Seconds, as told in the token reply and kept to by the registry (default 300). */
      readonly expiresIn?: number;
    };

/** Password by user. */
type Users = Readonly<Record<string, string>>;

/** Users by repository. */
type Members = Readonly<Record<string, readonly string[]>>;

/** Who asks: a user, "nobody", or "?" for a login or a token that is wrong here. */
export type Identity = string;

export type TokenRequest = {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  /** Query of a GET, form of a POST. */
  readonly parameters: URLSearchParams;
  readonly scopes: readonly string[];
  readonly identity: Identity;
};

type Asked = {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly form: string;
};

type Grant = {
  readonly scopes: ReadonlySet<string>;
  readonly until: number;
  readonly user: string | undefined;
};

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

  /** Where tokens are given. */
  get tokenPath(): string {
    const realm = this.#auth.kind === "bearer" ? this.#auth.realm : undefined;
    return realm === undefined ? "/token" : new URL(realm).pathname;
  }

  /** Who this registry takes the sender of a request for. */
  identity(authorization: string | undefined): Identity {
    if (authorization === undefined) return "nobody";
    const auth = this.#auth;
    if (auth.kind === "basic") return loginOf(authorization, auth.users) ?? "?";
    const grant = this.#grants.get(authorization.replace(/^Bearer /i, ""));
    return grant === undefined ? "?" : (grant.user ?? "nobody");
  }

  /** What a login is answered with besides. */
  session(identity: Identity): Readonly<Record<string, string>> {
    const hasSessions = this.#auth.kind !== "none" && this.#auth.hasSessions === true;
    if (!hasSessions || identity === "nobody" || identity === "?") return {};
    return { "set-cookie": `sid=${secretOf(identity)}-session; path=/` };
  }

  /** The refusal, or undefined when the request may pass. */
  refusal(authorization: string | undefined, scope: string | undefined): Answer | undefined {
    const auth = this.#auth;
    if (auth.kind === "none") return undefined;
    if (auth.kind === "basic") return basicRefusal(auth, authorization, scope);
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
    const { user, isLoginTried } = senderOf(asked, parameters, auth.users ?? {});
    const identity = user ?? (isLoginTried ? "?" : "nobody");
    this.tokenRequests.push({ method, url, authorization, parameters, scopes, identity });
    if (auth.isLoginByForm === true && isLoginTried && method !== "POST") {
      return failure(405, "UNSUPPORTED");
    }
    if (user === undefined && (isLoginTried || auth.anonymous === false)) {
      return failure(401, "UNAUTHORIZED");
    }
    const answer = this.#grant(scopes, user);
    return { ...answer, headers: { ...answer.headers, ...this.session(identity) } };
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
    const token = `${user === undefined ? "anonymous" : secretOf(user)}-token-${randomUUID()}`;
    const until = Date.now() + expiresIn * 1_000;
    this.#grants.set(token, { scopes: new Set(granted), until, user });
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

/** Not to be seen by anybody but this user. */
function secretOf(user: string): string {
  return `CANARY-${user.replaceAll(/\W/g, "")}`;
}

function basicRefusal(
  auth: Extract<Auth, { kind: "basic" }>,
  authorization: string | undefined,
  scope = "",
): Answer | undefined {
  const [, repository = "", action] = scope.split(":");
  const user = loginOf(authorization, auth.users);
  if (user === undefined) {
    const isPublic = auth.publicRepositories?.includes(repository) ?? false;
    const isGiven = isPublic && action === "pull" && authorization === undefined;
    return isGiven ? undefined : challenge('Basic realm="fake registry"');
  }
  const isMember = auth.members?.[repository]?.includes(user) ?? true;
  return isMember ? undefined : failure(403, "DENIED");
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

function senderOf({ method, authorization }: Asked, parameters: URLSearchParams, users: Users) {
  const login = method === "POST" ? formLogin(parameters, users) : undefined;
  const isLoginTried = parameters.has("password") || /^Basic (?!Og==$)/.test(authorization ?? "");
  return { user: login ?? loginOf(authorization, users), isLoginTried };
}

function formLogin(form: URLSearchParams, users: Users): string | undefined {
  const user = form.get("username") ?? "";
  const isKnown = users[user] !== undefined && users[user] === form.get("password");
  return isKnown ? user : undefined;
}
