/**
 * Who keeps the books of what is in the store: told by a direct call, before any event tells of it,
 * so that no listener stands between a blob and what is known of it. Its methods never throw.
 */
import type { Digest } from "../protocol/digest.ts";
import type { RepositoryName } from "../protocol/reference.ts";
import type { RegistryName } from "../protocol/registry-name.ts";

export type StoredBlob = {
  readonly registry: RegistryName;
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly size: number;
  /** Several repositories delivered parts of it: none of them has shown that it holds it. */
  readonly isPatchwork?: boolean;
  /** All of it was given without any login. */
  readonly isAnonymous?: boolean;
};

export interface Bookkeeping {
  /** All of it came, passed verification and is kept. */
  stored(blob: StoredBlob): void;
  /** What was kept under this digest is not there any more, or was wrong. */
  gone(digest: Digest): void;
}
