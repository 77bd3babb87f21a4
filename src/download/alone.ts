/**
 * The way on for one reader when the shared file can be written, or read, no more: from the file's
 * end, or from before where it cannot be read.
 */
import { createHash } from "node:crypto";
import { type Digest, digestAlgorithm } from "../protocol/digest.ts";
import { DownloadError } from "./download-error.ts";
import type { HashedDraft } from "./hashed-draft.ts";
import { OwnPart } from "./own-part.ts";
import { OwnRange, type SentAhead } from "./own-range.ts";
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
  /** It was given the bytes from here on. */
  readonly from: number;
};

/** Throws DownloadError when it may not go on. */
export async function goAlone(
  { digest, draft, upstream }: Alone,
  { where, want, from }: Lonely,
): Promise<OwnWay> {
  const { start, end, isPart } = want;
  if (isPart && end !== undefined) return new OwnPart({ start, end }, upstream);
  await draft.settled();
  const given = draft.end();
  const ahead = { start: Math.max(from, given.position), end: start };
  return new OwnRange({
    digest,
    start: where === "end" ? given : draft.before(start),
    given,
    sentAhead: ahead.end > ahead.start ? await hashed(draft, digest, ahead) : undefined,
    readFile: (buffer, at) => draft.read(buffer, at),
    upstream,
  });
}

const stretch = 256 * 1024;

/** Of what was sent out of the file beyond its first gap, whose hash leads up to the gap. */
async function hashed(
  draft: HashedDraft,
  digest: Digest,
  { start, end }: { readonly start: number; readonly end: number },
): Promise<SentAhead> {
  const hash = createHash(digestAlgorithm(digest));
  const buffer = Buffer.allocUnsafe(Math.min(stretch, end - start));
  for (let at = start; at < end; ) {
    const length = await draft.read(buffer.subarray(0, Math.min(buffer.length, end - at)), at);
    if (length === 0) throw untellable();
    hash.update(buffer.subarray(0, length));
    at += length;
  }
  return { start, end, hash: hash.digest() };
}

function untellable(): DownloadError {
  return new DownloadError("DISK", "nobody can tell whether the bytes sent so far were right");
}
