/**
 * What is written down beside a manifest or tag that goes: what is about it stays for a while, and so does
 * what loses its last tag; both begin now.
 */
import type { Digest } from "../../protocol/digest.ts";
import type { RepositoryName, Tag } from "../../protocol/reference.ts";
import type { ContentChange, ManifestLink } from "../pushed.ts";
import type { Repository } from "../repository.ts";
import { subjectOfTag } from "./companions.ts";

export type Going = {
  /** Manifests. */
  readonly gone: ReadonlySet<Digest>;
  /** Those deleted, or moved to another manifest. */
  readonly tags: ReadonlySet<Tag>;
};

/** Links of manifests that stay, by digest. */
export type Noted = ReadonlyMap<Digest, ManifestLink>;

export function notedManifests(its: Repository, { gone, tags }: Going, now: number): Noted {
  const notes = new Map<Digest, ManifestLink>();
  const note = (digest: Digest, more: Partial<ManifestLink>): void => {
    const link = notes.get(digest) ?? its.manifests.get(digest);
    if (link !== undefined && !gone.has(digest)) notes.set(digest, { ...link, ...more });
  };
  for (const digest of losing(its, tags)) note(digest, { untaggedAt: now });
  for (const subject of gone) {
    for (const digest of its.referrersOf(subject)) note(digest, { subjectGoneAt: now });
  }
  return notes;
}

/** All of it as changes. */
export function aftermath(
  repository: RepositoryName,
  its: Repository,
  going: Going,
  now: number,
): ContentChange[] {
  const changes: ContentChange[] = [];
  for (const [digest, link] of notedManifests(its, going, now)) {
    changes.push({ kind: "manifest", repository, digest, link });
  }
  for (const [tag, link] of going.gone.size === 0 ? [] : its.tags) {
    const subject = subjectOfTag(tag);
    if (subject === undefined || !going.gone.has(subject) || going.tags.has(tag)) continue;
    changes.push({ kind: "tag", repository, tag, link: { ...link, subjectGoneAt: now } });
  }
  return changes;
}

/** What no other tag leads to. */
function losing(its: Repository, tags: ReadonlySet<Tag>): ReadonlySet<Digest> {
  const digests = new Set<Digest>();
  if (tags.size === 0) return digests;
  for (const tag of tags) {
    const digest = its.tags.get(tag)?.digest;
    if (digest !== undefined) digests.add(digest);
  }
  for (const [tag, { digest }] of its.tags) if (!tags.has(tag)) digests.delete(digest);
  return digests;
}
