/** Repository names, tags and references, in the grammar of the distribution spec. */
import { type Digest, parseDigest } from "./digest.ts";

declare const repositoryBrand: unique symbol;
declare const tagBrand: unique symbol;

export type RepositoryName = string & { readonly [repositoryBrand]: true };
export type Tag = string & { readonly [tagBrand]: true };

/** What stands after `/manifests/`. */
export type Reference =
  | { readonly kind: "tag"; readonly tag: Tag }
  | { readonly kind: "digest"; readonly digest: Digest };

const component = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const repositoryGrammar = new RegExp(`^${component}(?:/${component})*$`);
const tagGrammar = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** At most 255 characters; no percent-decoding has happened, so `%` never passes. */
export function parseRepositoryName(text: string): RepositoryName | undefined {
  return text.length <= 255 && repositoryGrammar.test(text) ? (text as RepositoryName) : undefined;
}

export function parseTag(text: string): Tag | undefined {
  return tagGrammar.test(text) ? (text as Tag) : undefined;
}

/** A digest if it has a colon, else a tag; undefined when it is neither. */
export function parseReference(text: string): Reference | undefined {
  if (text.includes(":")) {
    const digest = parseDigest(text);
    return digest === undefined ? undefined : { kind: "digest", digest };
  }
  const tag = parseTag(text);
  return tag === undefined ? undefined : { kind: "tag", tag };
}

export function printReference(reference: Reference): string {
  return reference.kind === "tag" ? reference.tag : reference.digest;
}
