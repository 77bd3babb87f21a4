/**
 * Tags that are made of a digest and say something of it, as clients write them where a registry has no
 * referrers: `sha256-<hex>`, and with `.sig`, `.att` or `.sbom` behind it (OCI distribution-spec,
 * referrers tag schema; cosign). They are no versions of an image.
 */
import { type Digest, parseDigest } from "../../protocol/digest.ts";
import type { Tag } from "../../protocol/reference.ts";

/** What it is about; undefined for a tag like any other. */
export function subjectOfTag(tag: Tag): Digest | undefined {
  const hex = /^sha256-([0-9a-f]{64})(?:\.\w{1,20})?$/.exec(tag)?.[1];
  return hex === undefined ? undefined : parseDigest(`sha256:${hex}`);
}
