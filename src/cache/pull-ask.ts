/** What the registry room asks of the cache: one blob, or one manifest by tag or digest. */
import type { Digest } from "../protocol/digest.ts";
import type { RangeRequest } from "../protocol/http/range.ts";
import type { AcceptSet } from "../protocol/media-type.ts";
import type { Reference, RepositoryName } from "../protocol/reference.ts";
import type { Registry } from "../protocol/registry-name.ts";
import type { Access } from "../upstream/registry-client.ts";
import type { Decision } from "./why.ts";

export type PullAsk = {
  readonly registry: Registry;
  readonly repository: RepositoryName;
  readonly access: Access;
  readonly isHead: boolean;
  /** The client sent `Cache-Control: no-cache`: what is kept is confirmed upstream first. */
  readonly noCache: boolean;
  /** A mirror's client falls back to the registry on its own: what cannot be complete is 503. */
  readonly isMirror: boolean;
  /** This client may have public images only, not what the operator's credential opens. */
  readonly isPublicOnly?: boolean;
  /** Hears on what the answer is decided. */
  readonly decision: Decision;
  readonly signal: AbortSignal;
};

export type BlobAsk = PullAsk & {
  readonly digest: Digest;
  /** The client's ranges, as parsed; undefined for the whole. */
  readonly range: RangeRequest | undefined;
};

export type ManifestAsk = PullAsk & { readonly reference: Reference; readonly accept: AcceptSet };
