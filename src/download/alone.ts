/**
 * The way on for one reader when the shared file can be written, or read, no more: from the file's
 * end, or from before where it cannot be read.
 */
import type { Digest } from "../protocol/digest.ts";
import { DownloadError } from "./download-error.ts";
import type { HashedDraft } from "./hashed-draft.ts";
import { OwnPart } from "./own-part.ts";
import { OwnRange } from "./own-range.ts";
import type { OwnWay, OwnWayUpstream } from "./own-way.ts";
import type { Want } from "./progress.ts";

export type Alone = {
  readonly digest: Digest;
  readonly draft: HashedDraft;
  readonly upstream: OwnWayUpstream;
};

export type Lonely = {
  readonly where: "end" | "before";
  readonly want: Want;
  /** It was given bytes already. */
  readonly hasRead: boolean;
};

/** Throws DownloadError when it may not go on. */
export async function goAlone(
  { digest, draft, upstream }: Alone,
  { where, want, hasRead }: Lonely,
): Promise<OwnWay> {
  const { start, end, isPart } = want;
  if (isPart && end !== undefined) return new OwnPart({ start, end }, upstream);
  await draft.settled();
  const given = draft.end();
  if (hasRead && start > given.position)
    throw new DownloadError("DISK", "nobody can tell whether the bytes sent so far were right");
  return new OwnRange({
    digest,
    start: where === "end" ? given : draft.before(start),
    given,
    readFile: (buffer, at) => draft.read(buffer, at),
    upstream,
  });
}
