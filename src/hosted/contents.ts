/** The port to the bytes of what is hosted; whether somebody may have them is decided before. */
import type { ByteSource } from "../download/byte-source.ts";
import type { Digest } from "../protocol/digest.ts";

export interface Contents {
  /** Undefined when the bytes are not there, or were found to be wrong. Throws StoreError IO. */
  sizeOf(digest: Digest): Promise<number | undefined>;
  /** Bytes that are right, or hashed on their way; undefined when they are not there. Throws StoreError IO. */
  open(digest: Digest): Promise<ByteSource | undefined>;
  /** Takes bytes that failed their hash out of service: set aside and reported, never deleted. Throws StoreError IO. */
  condemn(digest: Digest): Promise<void>;
}
