/** What a pull would meet if it came now, for people who wonder. Asks nobody and changes nothing. */
import type { Digest } from "../protocol/digest.ts";
import type { Reference } from "../protocol/reference.ts";
import type { VisibilityName } from "./cache-event.ts";
import type { PullParts } from "./pull-parts.ts";
import type { RepositoryRef } from "./repository-ref.ts";
import type { TagRule } from "./tags/freshness.ts";
import { native } from "./tags/tag-state.ts";

export type Outlook = {
  /** Undefined where nothing is known of the tag. */
  readonly digest: Digest | undefined;
  /** Whether its manifest is kept. */
  readonly isKept: boolean;
  readonly visibility: VisibilityName;
  /** Of a tag that is known. */
  readonly tag:
    | {
        /** Milliseconds since the registry last confirmed it. */
        readonly age: number;
        readonly isFresh: boolean;
        readonly rule: TagRule;
      }
    | undefined;
};

export async function outlookOf(
  { tags, manifests, visibility }: PullParts,
  ref: RepositoryRef,
  reference: Reference,
): Promise<Outlook> {
  const known = reference.kind === "tag" ? { ...ref, tag: reference.tag } : undefined;
  const entry = known && (await tags.variant(known, native))?.current;
  const digest = reference.kind === "tag" ? entry?.digest : reference.digest;
  return {
    digest,
    isKept: digest !== undefined && (await manifests.read(digest)) !== undefined,
    visibility: await visibility.nameOf(ref),
    tag: known && entry && { ...tags.standing(known, entry), isFresh: tags.isFresh(known, entry) },
  };
}
