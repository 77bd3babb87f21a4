/** What a pull would meet if it came now, for people who wonder. Asks nobody. */
import type { Digest } from "../protocol/digest.ts";
import { parseAccept, resolveAccept } from "../protocol/media-type.ts";
import type { Reference } from "../protocol/reference.ts";
import type { Access } from "../upstream/registry-client.ts";
import type { VisibilityName } from "./cache-event.ts";
import type { ManifestAsk } from "./pull-ask.ts";
import type { PullParts } from "./pull-parts.ts";
import type { RepositoryRef } from "./repository-ref.ts";
import type { TagRule } from "./tags/freshness.ts";
import { Decision, type Foreseen } from "./why.ts";

export type Outlook = {
  /** On what the pull would be decided: said by what decides it when it comes. */
  readonly why: Foreseen;
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
        readonly rule: TagRule;
      }
    | undefined;
};

/** For a client that has no login of its own, and therefore this access. */
export async function outlookOf(
  parts: PullParts,
  ref: RepositoryRef,
  reference: Reference,
  access: Access,
): Promise<Outlook> {
  const { manifests, visibility } = parts;
  const { digest, why, tag } = await foreseen(parts, {
    ...{ ...ref, reference, access, accept: parseAccept([resolveAccept]) },
    ...{ isHead: false, noCache: false, isMirror: false },
    decision: new Decision(),
    signal: new AbortController().signal,
  });
  const isKept = digest !== undefined && (await manifests.read(digest)) !== undefined;
  return { why, digest, isKept, tag, visibility: await visibility.nameOf(ref) };
}

async function foreseen(
  { tags, manifestPull, tagPull }: PullParts,
  ask: ManifestAsk,
): Promise<Pick<Outlook, "why" | "digest" | "tag">> {
  const { reference } = ask;
  if (reference.kind === "digest") {
    const { digest } = reference;
    return { why: await manifestPull.foreseen({ ...ask, digest }), digest, tag: undefined };
  }
  const own = { ...ask, tag: reference.tag };
  const recalled = await tagPull.recall(own);
  const entry = recalled.known?.current;
  const why = await tagPull.foreseen(own, recalled);
  return { why, digest: entry?.digest, tag: entry && tags.standing(own, entry) };
}
