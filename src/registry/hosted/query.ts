/** What stands behind the question mark of a request to the hosted registry. */
import type { PageAsk } from "../../hosted/listings.ts";
import { type Digest, parseDigest } from "../../protocol/digest.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import type { Ask } from "../ask.ts";

export function queryOf({ target }: Ask): URLSearchParams {
  return new URLSearchParams(target.slice(`${target}?`.indexOf("?") + 1));
}

/** The digest of that parameter, undefined when it is not there. Throws RegistryError DIGEST_INVALID. */
export function digestIn(query: URLSearchParams, name: string): Digest | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const digest = parseDigest(text);
  if (digest !== undefined) return digest;
  throw new RegistryError("DIGEST_INVALID", `the parameter ${name} is no sha256 or sha512 digest`);
}

/** Throws RegistryError PAGINATION_NUMBER_INVALID. */
export function pageIn(query: URLSearchParams): PageAsk {
  const text = query.get("n");
  if (text !== null && !/^\d{1,15}$/.test(text)) {
    throw new RegistryError("PAGINATION_NUMBER_INVALID", "the parameter n must be a number");
  }
  return { n: text === null ? undefined : Number(text), last: query.get("last") ?? undefined };
}
