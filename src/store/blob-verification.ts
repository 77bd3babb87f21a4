/** The port to what is known of kept bytes: that they are right, or that they are not. */
import type { Digest } from "../protocol/digest.ts";

export interface BlobVerification {
  /** Records that the blob's bytes were hashed and are right. */
  markVerified(digest: Digest): void;
  /**
   * For a blob whose bytes, read by a reader that is still open, failed their hash: deleted, or, when
   * it is held, set aside where no name leads to it and reported. False when those bytes are not what
   * is kept any more. Throws StoreError IO.
   */
  condemn(digest: Digest, identity: string): Promise<boolean>;
}
