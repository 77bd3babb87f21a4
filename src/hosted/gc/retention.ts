/**
 * Which tags a repository keeps, where HOSTED_RULES say so: the last ones of a pattern, and those pushed or
 * pulled lately. A tag that no rule is about stays, and so does one that any rule keeps.
 */
import { type Pattern, parsePattern } from "../../protocol/glob.ts";
import type { Tag } from "../../protocol/reference.ts";
import type { Repository } from "../repository.ts";
import { subjectOfTag } from "./companions.ts";

/** One rule as the operator wrote it; times in milliseconds. */
export type KeepRule = {
  /** Tags that it is about: globs, or regular expressions between slashes; left out, all. */
  readonly tags?: readonly string[];
  /** So many of them, those pushed last. */
  readonly last?: number;
  readonly pushed?: number;
  /** Also what has no tag any more. Where no pull is known the push counts. */
  readonly pulled?: number;
  /** What has had no tag for so long goes; left out, it stays. */
  readonly untagged?: number;
};

/** What is known of time. */
export type Times = {
  readonly now: number;
  readonly lastPull: (reference: Tag) => number | undefined;
};

/** Throws a SyntaxError when a pattern is malformed. */
export function compileKeep(rule: KeepRule): CompiledKeep {
  return { ...rule, patterns: (rule.tags ?? ["*"]).map(parsePattern) };
}

export type CompiledKeep = KeepRule & { readonly patterns: readonly Pattern[] };

/** The tags that go; those made of a digest are no versions, and are not counted (companions.ts). */
export function superfluousTags(
  its: Repository,
  rules: readonly CompiledKeep[],
  times: Times,
): ReadonlySet<Tag> {
  const going = new Set<Tag>();
  const kept = new Set<Tag>();
  for (const rule of rules.filter(saysWhichStay)) {
    const about = [...its.tags]
      .filter(([tag]) => subjectOfTag(tag) === undefined && isAbout(rule, tag))
      .sort(([, one], [, other]) => other.pushedAt - one.pushedAt);
    for (const [index, [tag, { pushedAt }]] of about.entries()) {
      if (index < (rule.last ?? 0) || isLate(rule, pushedAt, times.lastPull(tag), times.now)) {
        kept.add(tag);
      } else going.add(tag);
    }
  }
  for (const tag of kept) going.delete(tag);
  return going;
}

function saysWhichStay({ last, pushed, pulled }: KeepRule): boolean {
  return last !== undefined || pushed !== undefined || pulled !== undefined;
}

function isAbout({ patterns }: CompiledKeep, tag: Tag): boolean {
  return patterns.some((pattern) => pattern.test(tag));
}

function isLate(
  { pushed, pulled }: KeepRule,
  pushedAt: number,
  pulledAt: number | undefined,
  now: number,
): boolean {
  const isPushed = pushed !== undefined && now - pushedAt < pushed;
  return isPushed || (pulled !== undefined && now - (pulledAt ?? pushedAt) < pulled);
}
