/** The port to bytes that nothing here names any more. */
import type { Digest } from "../../protocol/digest.ts";

/**
 * `returned` is what a cached repository has too, so that it is the cache's again; `held` is what somebody
 * relies on just now, and `absent` what was gone before.
 */
export type Fate = {
  readonly outcome: "freed" | "returned" | "held" | "absent";
  readonly size: number;
};

export interface LooseBytes {
  /** What `free` would come to. Throws StoreError IO. */
  fateOf(digest: Digest): Promise<Fate>;
  /** Takes them off the disk, unless somebody has a use for them. Throws StoreError IO. */
  free(digest: Digest): Promise<Fate>;
}
