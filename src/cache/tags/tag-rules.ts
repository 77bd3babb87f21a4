/**
 * The operator's rules for tags: the first that fits the registry, repository and tag decides how
 * long the tag is believed. Patterns are globs; a tag pattern between slashes is a regular expression.
 */
import { fitsRegistry, type Pattern, parseGlob, parsePattern } from "../../protocol/glob.ts";
import type { RepositoryName, Tag } from "../../protocol/reference.ts";
import type { RegistryName } from "../../protocol/registry-name.ts";
import type { TagRule } from "./freshness.ts";

/** One rule as written; what is left out fits everything. */
export type TagRuleText = {
  readonly registry?: string;
  /** `*` stays within a path segment, `**` does not. */
  readonly repository?: string;
  readonly tag?: string;
  /** Milliseconds. */
  readonly ttl?: number;
  readonly immutable?: boolean;
  readonly noCache?: boolean;
};

type Compiled = {
  readonly registry: Pattern;
  readonly repository: Pattern;
  readonly tag: Pattern;
  readonly rule: TagRule;
};

export class TagRules {
  readonly #rules: readonly Compiled[];
  readonly #fallback: TagRule;

  /** Throws a SyntaxError when a regular expression is malformed. */
  constructor(rules: readonly TagRuleText[], defaultTtl: number) {
    this.#rules = rules.map((text) => compile(text, defaultTtl));
    this.#fallback = { ttl: defaultTtl, isImmutable: false, isNoCache: false };
  }

  ruleFor(registry: RegistryName, repository: RepositoryName, tag: Tag): TagRule {
    const fitting = this.#rules.find(
      (rule) =>
        fitsRegistry(rule.registry, registry) &&
        rule.repository.test(repository) &&
        rule.tag.test(tag),
    );
    return fitting?.rule ?? this.#fallback;
  }
}

function compile(text: TagRuleText, defaultTtl: number): Compiled {
  return {
    registry: parseGlob(text.registry ?? "**"),
    repository: parseGlob(text.repository ?? "**"),
    tag: parsePattern(text.tag ?? "**"),
    rule: {
      ttl: text.ttl ?? defaultTtl,
      isImmutable: text.immutable ?? false,
      isNoCache: text.noCache ?? false,
    },
  };
}
