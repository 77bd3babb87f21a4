/**
 * Tokens of our own: `ept1.<claims>.<signature>`, HMAC-SHA256. They say what the client asked for
 * and nothing else, so that the operator's tokens never leave the house.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { parseBasic } from "./http/basic-auth.ts";

/** `login`: it holds the client's own. */
export type OwnTokenClass = "anonymous" | "shared" | "login";

export type OwnTokenClaims = {
  /** The realm without its query, as challenges are compared: `https://auth.docker.io/token`. */
  readonly realm: string;
  /** "" when the challenge names none. */
  readonly service: string;
  readonly scopes: readonly string[];
  readonly class: OwnTokenClass;
  /** Of class `login`: sealed for the registry (sealed-login.ts). */
  readonly login?: string;
};

export type OwnTokenReading =
  /** `until`: in milliseconds since 1970. */
  | { readonly ok: true; readonly claims: OwnTokenClaims; readonly until: number }
  /** `foreign`: not of this kind at all; `invalid`: not signed by us; `expired`: was good. */
  | { readonly ok: false; readonly reason: "foreign" | "invalid" | "expired" };

/** What `expires_in` says, in seconds. */
export const ownTokenLifetime = 300;

const prefix = "ept1.";
const graceSeconds = 60;
const maxLength = 16_384;

export class OwnTokens {
  readonly #secret: Uint8Array;
  readonly #now: () => number;

  /** `now` in milliseconds since 1970. */
  constructor(secret: Uint8Array, now: () => number) {
    if (secret.length < 16) throw new RangeError("the token secret must have at least 16 bytes");
    this.#secret = secret;
    this.#now = now;
  }

  mint(claims: OwnTokenClaims): string {
    const expires = Math.floor(this.#now() / 1000) + ownTokenLifetime;
    const { realm, service, scopes, class: kind, login } = claims;
    const text = JSON.stringify({ realm, service, scopes, class: kind, login, expires });
    const payload = `${prefix}${Buffer.from(text, "utf8").toString("base64url")}`;
    return `${payload}.${this.#sign(payload).toString("base64url")}`;
  }

  read(token: string): OwnTokenReading {
    if (!token.startsWith(prefix)) return { ok: false, reason: "foreign" };
    const dot = token.lastIndexOf(".");
    const payload = token.slice(0, dot);
    if (token.length > maxLength || !this.#isSigned(payload, token.slice(dot + 1))) {
      return { ok: false, reason: "invalid" };
    }
    const found = parseClaims(payload.slice(prefix.length));
    if (found === undefined) return { ok: false, reason: "invalid" };
    const { expires, ...claims } = found;
    const until = (expires + graceSeconds) * 1000;
    return this.#now() > until ? { ok: false, reason: "expired" } : { ok: true, claims, until };
  }

  #isSigned(payload: string, signature: string): boolean {
    const given = Buffer.from(signature, "base64url");
    const right = this.#sign(payload);
    // The text is compared too: base64url has several spellings for the same bytes.
    const isSame = given.length === right.length && timingSafeEqual(given, right);
    return isSame && signature === right.toString("base64url");
  }

  #sign(payload: string): Buffer {
    return createHmac("sha256", this.#secret).update(payload).digest();
  }
}

/**
 * What claims to be one of these tokens in an Authorization, good or not, however it is wrapped: it
 * never goes upstream.
 */
export function ownTokenIn(authorization: string | undefined): string | undefined {
  const text = authorization ?? "";
  const login = parseBasic(text);
  for (const word of login === undefined ? [text] : [login.user, login.password]) {
    const found = /(?:^|[^\w.~+/-])(ept1\..*)$/is.exec(word)?.[1];
    if (found !== undefined) return found.trim();
  }
  return undefined;
}

/** The token of `Bearer …`, or undefined for any other Authorization. */
export function bearerToken(authorization: string | undefined): string | undefined {
  return /^bearer +(\S+)\s*$/i.exec(authorization ?? "")?.[1];
}

function parseClaims(text: string): (OwnTokenClaims & { expires: number }) | undefined {
  try {
    // Only reached for what we signed ourselves, so its shape is known.
    return JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}
