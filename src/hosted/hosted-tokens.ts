/**
 * Tokens for the registry here: who logged in and what was asked for, signed. They look like all tokens
 * of this house, so that none of them ever leaves it, but no other part of it can read them.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { parseRepositoryName, type RepositoryName } from "../protocol/reference.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Action } from "./rules.ts";

export type Scope = { readonly repository: RepositoryName; readonly actions: readonly Action[] };

export type HostedClaims = {
  /** Undefined for one who did not log in. */
  readonly user: string | undefined;
  readonly scopes: readonly Scope[];
};

/** What `expires_in` says, in seconds. */
export const hostedTokenLife = 300;

const prefix = "ept1.";
const graceSeconds = 60;
const maxLength = 16_384;
const actions: readonly Action[] = ["pull", "push", "delete"];

export class HostedTokens {
  readonly #key: Uint8Array;
  readonly #clock: Clock;

  constructor(key: Uint8Array, clock: Clock) {
    this.#key = key;
    this.#clock = clock;
  }

  mint({ user, scopes }: HostedClaims): string {
    const expires = Math.floor(this.#clock.now() / 1000) + hostedTokenLife;
    const text = JSON.stringify({ user, scopes, expires });
    const payload = `${prefix}${Buffer.from(text, "utf8").toString("base64url")}`;
    return `${payload}.${this.#sign(payload)}`;
  }

  /** Now, as token replies say it. */
  issuedAt(): string {
    return new Date(Math.floor(this.#clock.now() / 1000) * 1000).toISOString();
  }

  /** Undefined when it is not signed here, or is over. */
  read(token: string): HostedClaims | undefined {
    const dot = token.lastIndexOf(".");
    const payload = token.slice(0, dot);
    const given = Buffer.from(token.slice(dot + 1));
    const right = Buffer.from(this.#sign(payload));
    const isSigned = given.length === right.length && timingSafeEqual(given, right);
    if (!token.startsWith(prefix) || token.length > maxLength || !isSigned) return undefined;
    // Signed here, so its shape is known.
    const { expires, ...claims } = JSON.parse(
      Buffer.from(payload.slice(prefix.length), "base64url").toString("utf8"),
    ) as HostedClaims & { readonly expires: number };
    return this.#clock.now() / 1000 > expires + graceSeconds ? undefined : claims;
  }

  #sign(payload: string): string {
    return createHmac("sha256", this.#key).update(payload).digest("base64url");
  }
}

/** `repository:team/app:pull,push`, several with blanks between; what is no such scope is left out. */
export function parseScopes(texts: readonly string[]): readonly Scope[] {
  const words = texts.flatMap((text) => text.split(" ")).slice(0, 64);
  return words.flatMap((word) => {
    const [, name = "", list = ""] = /^repository(?:\([^)]*\))?:([^:]+):([^:]*)$/.exec(word) ?? [];
    const repository = parseRepositoryName(name);
    const asked = list.split(",");
    const wanted = actions.filter((action) => asked.includes(action) || asked.includes("*"));
    return repository === undefined || wanted.length === 0 ? [] : [{ repository, actions: wanted }];
  });
}

export function printScope({ repository, actions: list }: Scope): string {
  return `repository:${repository}:${list.join(",")}`;
}
