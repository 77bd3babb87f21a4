/**
 * HOSTED_RULES: who may do what in which repositories, which tags stay as they are, which go with time,
 * and how much a repository may hold. Once any rule says who may do something, logins may do only what rules say.
 */
import { type Pattern, parseGlob, parsePattern } from "../protocol/glob.ts";
import type { RepositoryName, Tag } from "../protocol/reference.ts";
import { type CompiledKeep, compileKeep, type KeepRule } from "./gc/retention.ts";

export type Action = "pull" | "push" | "delete";

/** One rule as the operator wrote it. */
export type HostedRule = {
  /** Logins; `*` is every login, `anonymous` who has none. Left out: everybody with a login. */
  readonly who?: readonly string[];
  /** Globs: `*` stays within a path segment, `**` does not. */
  readonly repositories: readonly string[];
  readonly actions?: readonly Action[];
  /** Tags that are never overwritten nor deleted: globs, or regular expressions between slashes. */
  readonly immutable?: readonly string[];
  /** Bytes of all its repositories together. */
  readonly quota?: number;
  /** Bytes of its largest blob. */
  readonly blobSize?: number;
  /** What a collection of garbage leaves there. */
  readonly keep?: KeepRule;
};

type Compiled = HostedRule & {
  readonly isHere: (repository: RepositoryName) => boolean;
  readonly frozen: readonly { readonly text: string; readonly expression: Pattern }[];
  readonly kept: CompiledKeep | undefined;
};

export class Rules {
  readonly #rules: readonly Compiled[];
  readonly #grants: boolean;

  /** Throws a SyntaxError when a pattern is malformed. */
  constructor(rules: readonly HostedRule[]) {
    this.#rules = rules.map(compile);
    this.#grants = rules.some(({ actions }) => actions !== undefined);
  }

  /** What rules grant; everything to a login where none of them grants anything. */
  grants(user: string | undefined, repository: RepositoryName, action: Action): boolean {
    if (!this.#grants) return user !== undefined;
    return this.#rules.some(
      (rule) => rule.actions?.includes(action) && isMeant(rule, user) && rule.isHere(repository),
    );
  }

  /** The pattern that keeps this tag as it is, or undefined. */
  immutable(repository: RepositoryName, tag: Tag): string | undefined {
    for (const { isHere, frozen } of this.#rules) {
      const found = frozen.find(({ expression }) => expression.test(tag));
      if (found !== undefined && isHere(repository)) return found.text;
    }
    return undefined;
  }

  /** What is said of how long things stay in this repository. */
  keeps(repository: RepositoryName): readonly CompiledKeep[] {
    return this.#rules.flatMap(({ kept, isHere }) =>
      kept !== undefined && isHere(repository) ? [kept] : [],
    );
  }

  /** Bytes that a blob of this repository has at most. */
  blobSize(repository: RepositoryName): number {
    const sizes = this.#rules.flatMap(({ blobSize, isHere }) =>
      blobSize !== undefined && isHere(repository) ? [blobSize] : [],
    );
    return Math.min(Number.POSITIVE_INFINITY, ...sizes);
  }

  /** Quotas that bind this repository, with those it shares each with. */
  quotas(repository: RepositoryName) {
    return this.#rules.flatMap(({ quota, isHere }) =>
      quota !== undefined && isHere(repository) ? [{ bytes: quota, isHere }] : [],
    );
  }
}

function isMeant({ who }: HostedRule, user: string | undefined): boolean {
  if (user === undefined) return who?.includes("anonymous") ?? false;
  return who === undefined || who.includes("*") || who.includes(user);
}

function compile(rule: HostedRule): Compiled {
  const expressions = rule.repositories.map(parseGlob);
  return {
    ...rule,
    isHere: (repository) => expressions.some((expression) => expression.test(repository)),
    kept: rule.keep && compileKeep(rule.keep),
    frozen: (rule.immutable ?? []).map((text) => ({ text, expression: parsePattern(text) })),
  };
}
