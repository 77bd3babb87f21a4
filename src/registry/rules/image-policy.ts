/**
 * Which images may be asked for here at all: the operator's lists of what is allowed and denied, by
 * registry, repository and tag. A denial wins; where anything is allowed, nothing else is.
 */

import { fitsRegistry, type Pattern, parseGlob, parsePattern } from "../../protocol/glob.ts";
import type { RepositoryName, Tag } from "../../protocol/reference.ts";
import type { RegistryName } from "../../protocol/registry-name.ts";

/** One line of a list; what is left out fits everything. */
export type ImagePattern = {
  /** As the operator wrote it. */
  readonly text: string;
  readonly registry?: string;
  /** `*` stays within a path segment, `**` does not. */
  readonly repository?: string;
  /** A glob, or a regular expression between slashes. */
  readonly tag?: string;
};

export type ImageLists = {
  readonly allow: readonly ImagePattern[];
  readonly deny: readonly ImagePattern[];
};

export type ImageVerdict =
  | { readonly kind: "allowed" }
  /** Tags of this repository are allowed, and what has none only where one of them led to it. */
  | { readonly kind: "byTag" }
  | { readonly kind: "denied"; readonly rule: string }
  | { readonly kind: "notAllowed" };

type Rule = {
  readonly text: string;
  readonly registry: Pattern;
  readonly repository: Pattern;
  readonly tag: Pattern | undefined;
  readonly isWholeRegistry: boolean;
};

const allowed: ImageVerdict = { kind: "allowed" };
const notAllowed: ImageVerdict = { kind: "notAllowed" };
const everything = "**";

export class ImagePolicy {
  readonly #allow: readonly Rule[];
  readonly #deny: readonly Rule[];

  /** Throws a SyntaxError when a regular expression is malformed. */
  constructor({ allow, deny }: ImageLists) {
    this.#allow = allow.map(compile);
    this.#deny = deny.map(compile);
  }

  /** Without a tag: what is true of a digest, and of the repository as such. */
  judge(registry: RegistryName, repository: RepositoryName, tag?: Tag): ImageVerdict {
    // Whether Docker Hub takes its short names from those who spell them so is its business.
    const isShort = registry === "docker.io" && !repository.includes("/");
    const name = isShort ? `library/${repository}` : repository;
    const isHere = (rule: Rule): boolean =>
      fitsRegistry(rule.registry, registry) && rule.repository.test(name);
    const isMeant = (rule: Rule): boolean =>
      rule.tag === undefined || (tag !== undefined && rule.tag.test(tag));
    const denial = this.#deny.find((rule) => isHere(rule) && isMeant(rule));
    if (denial !== undefined) return { kind: "denied", rule: denial.text };
    const here = this.#allow.filter(isHere);
    if (this.#allow.length === 0 || here.some(isMeant)) return allowed;
    return here.length > 0 && tag === undefined ? { kind: "byTag" } : notAllowed;
  }

  /** Of paths that name no repository that anybody could tell: allowed only where all of them are. */
  judgeRegistry(registry: RegistryName): ImageVerdict {
    const isHere = (rule: Rule): boolean =>
      fitsRegistry(rule.registry, registry) && rule.tag === undefined;
    const denial = this.#deny.find(isHere);
    if (denial !== undefined) return { kind: "denied", rule: denial.text };
    const isWhole = this.#allow.some((rule) => isHere(rule) && rule.isWholeRegistry);
    return this.#allow.length === 0 || isWhole ? allowed : notAllowed;
  }
}

function compile({ text, registry, repository = everything, tag }: ImagePattern): Rule {
  return {
    text,
    registry: parseGlob(registry ?? everything),
    repository: parseGlob(repository),
    tag: tag === undefined ? undefined : parsePattern(tag),
    isWholeRegistry: repository === everything && tag === undefined,
  };
}
