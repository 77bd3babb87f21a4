/**
 * What stays on the disk of that which the archive has too: whatever there is room for, and beyond that
 * what was wanted more than once lately. The rest is only lent, so that one look at an old image pushes
 * nothing out that everybody pulls.
 */
import type { Digest } from "../../protocol/digest.ts";
import { BoundedMap } from "../../runtime/bounded-map.ts";
import type { Usage } from "./usage.ts";

export class TierAdmission {
  readonly #usage: Pick<Usage, "total" | "roomOf">;
  readonly #most: number;
  readonly #wanted = new BoundedMap<Digest, true>({ limit: 10_000 });

  /** `most`: bytes of everything that is kept on the disk. */
  constructor(usage: Pick<Usage, "total" | "roomOf">, most: number) {
    this.#usage = usage;
    this.#most = most;
  }

  /** To be asked once for each time that it came from the archive. */
  mayStay(digest: Digest, size: number): boolean {
    if (size > this.#most) return false;
    const wasWanted = this.#wanted.get(digest) === true;
    this.#wanted.set(digest, true);
    return wasWanted || this.#usage.total + this.#usage.roomOf(size) <= this.#most;
  }
}
