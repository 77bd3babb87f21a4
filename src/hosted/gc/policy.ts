/** What a collection of garbage goes by in one repository: on one screen, all of it. */
import type { Digest } from "../../protocol/digest.ts";
import type { Tag } from "../../protocol/reference.ts";
import { type Leased, leasedUntil } from "../leases.ts";
import type { ManifestLink, TagLink } from "../pushed.ts";
import type { Repository } from "../repository.ts";
import { subjectOfTag } from "./companions.ts";
import { type CompiledKeep, superfluousTags } from "./retention.ts";

/** An upload under way. */
export type Session = { readonly beganAt: number; readonly usedAt: number };

export type PolicyParts = {
  readonly now: number;
  /** HOSTED_LEASE, in milliseconds; 0 spares nothing. */
  readonly lease: number;
  /** What has had no tag for so long goes; undefined: what the rules say, and by itself it stays. */
  readonly untaggedAfter: number | undefined;
  readonly rules: readonly CompiledKeep[];
  readonly isFrozen: (tag: Tag) => boolean;
  readonly lastPull: (reference: Tag | Digest) => number | undefined;
  readonly sessions: readonly Session[];
};

/** What says something of another image stays so long after it, or before it. */
export const referrerWait = 7 * 86_400_000;

export class Policy {
  readonly #parts: PolicyParts;
  readonly #its: Repository;
  readonly #superfluous: ReadonlySet<Tag>;

  constructor(its: Repository, parts: PolicyParts) {
    this.#its = its;
    this.#parts = parts;
    this.#superfluous = superfluousTags(its, parts.rules, parts);
  }

  /** Rules say so, or what it is about is long gone. */
  goesTag(tag: Tag, link: TagLink): boolean {
    const { isFrozen, rules } = this.#parts;
    if (isFrozen(tag)) return false;
    const subject = subjectOfTag(tag);
    if (subject === undefined) return this.#superfluous.has(tag);
    return rules.length > 0 && this.#isOrphan(subject, link.pushedAt, link.subjectGoneAt);
  }

  /** Whether it stays for its own sake; `untagged` is one that no tag leads to after this. */
  staysUntagged(digest: Digest, link: ManifestLink, isLosingTag: boolean): boolean {
    if (this.isLeased(link) || this.#isPulledLately(digest, link)) return true;
    const { subject, linkedAt, subjectGoneAt } = link;
    if (subject !== undefined) {
      const isWaiting = !this.#its.manifests.has(subject);
      return isWaiting && !this.#isOrphan(subject, linkedAt, subjectGoneAt);
    }
    const after = this.#untaggedAfter();
    if (after === undefined) return true;
    const { now, lastPull } = this.#parts;
    const since = isLosingTag ? now : Math.max(linkedAt, link.untaggedAt ?? 0);
    return now - Math.max(since, lastPull(digest) ?? 0) < after;
  }

  /** Somebody was told that it is here, or is pushing still what needs it. */
  isLeased(link: Leased): boolean {
    const { now, lease, sessions } = this.#parts;
    const until = leasedUntil(link, lease);
    if (until > now) return true;
    return sessions.some(
      ({ beganAt, usedAt }) => until > beganAt && leasedUntil(newest(usedAt), lease) > now,
    );
  }

  #isPulledLately(digest: Digest, { linkedAt }: ManifestLink): boolean {
    const { rules, now, lastPull } = this.#parts;
    return rules.some(
      ({ pulled }) => pulled !== undefined && now - (lastPull(digest) ?? linkedAt) < pulled,
    );
  }

  #isOrphan(subject: Digest, pushedAt: number, goneAt = 0): boolean {
    const isGone = !this.#its.manifests.has(subject);
    return isGone && this.#parts.now - Math.max(pushedAt, goneAt) >= referrerWait;
  }

  /** The longest that a rule of this repository says, where the command says none. */
  #untaggedAfter(): number | undefined {
    const { untaggedAfter, rules } = this.#parts;
    if (untaggedAfter !== undefined) return untaggedAfter;
    const said = rules.flatMap(({ untagged }) => untagged ?? []);
    return said.length === 0 ? undefined : Math.max(...said);
  }
}

function newest(at: number): Leased {
  return { linkedAt: at, answeredAt: at, namedAt: 0 };
}
