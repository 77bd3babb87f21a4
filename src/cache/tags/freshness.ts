/** When may a tag be believed, and for how long? By the operator's rules; the clock is an argument. */
import { fitsRegistry, type Pattern, parseGlob, parsePattern } from "../../protocol/glob.ts";
import type { RepositoryName, Tag } from "../../protocol/reference.ts";
import type { RegistryName } from "../../protocol/registry-name.ts";

/** How long a tag is fresh, from the operator's rules or the default. */
export type TagRule = {
  /** Milliseconds. */
  readonly ttl: number;
  /** Once known it never moves. */
  readonly isImmutable: boolean;
  /** Never believed without asking. */
  readonly isNoCache: boolean;
};

/** What the upstream last said of the pulls it allows. */
export type Budget = { readonly limit: number; readonly remaining: number };

export type Check = {
  /** When the upstream last confirmed the tag. */
  readonly checkedAt: number;
  readonly now: number;
  /** The upstream has said nothing yet: the operator did. */
  readonly isImported?: boolean | undefined;
};

/** Milliseconds since the upstream last confirmed it; a clock set back gives 0. */
export function ageOf({ checkedAt, now }: Check): number {
  return Math.max(0, now - checkedAt);
}

/**
 * Whether it may be served without asking the upstream. What an earlier run, by a clock that was
 * fast, confirmed in what is now the future has no age anybody knows: it is asked about.
 */
export function isFresh(check: Check, rule: TagRule, budget?: Budget): boolean {
  const freshness = freshnessOf(check, rule, budget);
  return freshness === "fresh" || freshness === "immutable";
}

export type Freshness = "fresh" | "immutable" | "expired" | "never believed" | "imported";

/** The same, and why. */
export function freshnessOf(check: Check, rule: TagRule, budget?: Budget): Freshness {
  if (rule.isNoCache) return "never believed";
  if (rule.isImmutable) return "immutable";
  if (check.isImported === true) return "imported";
  const isYoung = check.checkedAt <= check.now && ageOf(check) < rule.ttl * stretch(budget);
  return isYoung ? "fresh" : "expired";
}

/** Until when it is fresh, while the budget is said to be what it is. */
export function freshUntil(
  checkedAt: number,
  rule: TagRule,
  budget?: Budget & { readonly until: number },
): number {
  if (rule.isNoCache) return 0;
  if (rule.isImmutable) return Number.POSITIVE_INFINITY;
  const end = checkedAt + rule.ttl * stretch(budget);
  return budget === undefined ? end : Math.min(end, budget.until);
}

/** Whether it may be served when the upstream cannot be asked; an operator's word does not age. */
export function maySubstitute(check: Check, staleIfError: number): boolean {
  return check.isImported === true || ageOf(check) <= staleIfError;
}

/** Whether it is time to confirm a busy tag before anybody has to wait for it. */
export function isDue(check: Check, rule: TagRule, budget?: Budget): boolean {
  if (rule.isNoCache || rule.isImmutable) return false;
  return ageOf(check) >= rule.ttl * stretch(budget) * 0.75;
}

/** How many times longer tags are believed as the budget nears its end: before the 429s, not after. */
export function stretch(budget: Budget | undefined): number {
  if (budget === undefined || budget.limit <= 0) return 1;
  const left = budget.remaining / budget.limit;
  if (left >= 0.2) return 1;
  return left >= 0.05 ? 6 : 30;
}

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

/**
 * The first rule that fits the registry, repository and tag decides. Patterns are globs; a tag pattern
 * between slashes is a regular expression.
 */
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
