/**
 * Which kept blobs are known to be right. After an unclean stop nothing on the disk is, until its
 * bytes were hashed again; what this run wrote itself always is.
 */
import type { Digest } from "../../protocol/digest.ts";
import type { Verified } from "./clean-marker.ts";

export class VerifiedSet {
  #verified: "all" | Set<Digest>;

  constructor(verified: Verified) {
    this.#verified = verified === "all" ? "all" : new Set(verified);
  }

  has(digest: Digest): boolean {
    return this.#verified === "all" || this.#verified.has(digest);
  }

  /** True if it was not trusted before. */
  add(digest: Digest): boolean {
    if (this.has(digest)) return false;
    if (this.#verified !== "all") this.#verified.add(digest);
    return true;
  }

  /** The blob is gone: should it come back by other hands, it starts anew. */
  remove(digest: Digest): void {
    if (this.#verified !== "all") this.#verified.delete(digest);
  }

  /** A walk over everything met only trusted blobs: the list of names is not needed any more. */
  addAll(): void {
    this.#verified = "all";
  }

  snapshot(): Verified {
    return this.#verified;
  }
}
