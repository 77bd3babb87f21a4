/**
 * Bytes on the border of both worlds: what was pushed here does not count to CACHE_MAX_SIZE, until nothing
 * here names it any more; then it may make room like anything else, and a collection of garbage takes it
 * unless a cached repository has it too.
 */
import type { Usage } from "../../cache/keeping/usage.ts";
import type { Bookkeeping } from "../../download/bookkeeping.ts";
import type { Fate, LooseBytes } from "../../hosted/gc/loose-bytes.ts";
import type { Digest } from "../../protocol/digest.ts";
import { inBackground } from "../../runtime/in-background.ts";
import type { Archiving } from "../../store/archiving/archiving.ts";
import type { Holds, HoldWatcher } from "../../store/holds.ts";
import type { Store } from "./store.ts";

export type LooseContentParts = {
  readonly blobs: Pick<Store["blobs"], "stat" | "delete">;
  readonly holds: Pick<Holds, "isHeld" | "isOnlyHere">;
  readonly usage: Pick<Usage, "added" | "removed" | "isRead">;
  readonly books: Pick<Bookkeeping, "gone">;
  /** Undefined where the disk is all there is. */
  readonly archive?: Pick<Archiving, "sizeOf" | "remove"> | undefined;
  /** Whether a cached repository has it. */
  readonly isCached: (digest: Digest) => Promise<boolean>;
};

export class LooseContent implements LooseBytes {
  readonly #parts: LooseContentParts;
  /** Being given to the cache. */
  readonly #giving = new Map<Digest, Promise<void>>();

  constructor(parts: LooseContentParts) {
    this.#parts = parts;
  }

  get watcher(): HoldWatcher {
    return {
      held: (digest) => {
        if (this.#parts.holds.isOnlyHere(digest)) this.#parts.usage.removed(digest);
      },
      // A disk that cannot be looked at is told of by whoever reads; the next start counts anew.
      freed: (digest) => inBackground(this.#give(digest), () => undefined),
    };
  }

  async fateOf(digest: Digest): Promise<Fate> {
    const { holds, usage, isCached } = this.#parts;
    const size = await this.#sizeOf(digest);
    if (size === undefined) return { outcome: "absent", size: 0 };
    if (usage.isRead(digest) || (await isCached(digest))) return { outcome: "returned", size };
    return { outcome: holds.isHeld(digest) ? "held" : "freed", size };
  }

  async free(digest: Digest): Promise<Fate> {
    const { blobs, holds, usage, books, archive } = this.#parts;
    await this.#giving.get(digest)?.catch(() => undefined);
    const fate = await this.fateOf(digest);
    // On their way here, and not under their name yet.
    if (fate.outcome === "absent" && holds.isHeld(digest)) return { ...fate, outcome: "held" };
    if (fate.outcome !== "freed") return fate;
    usage.removed(digest);
    try {
      await archive?.remove(digest);
      const isAway = archive !== undefined && (await blobs.stat(digest)) === undefined;
      if (isAway ? archive.sizeOf(digest) === undefined : await blobs.delete(digest)) {
        books.gone(digest);
        return fate;
      }
    } catch (error) {
      usage.added(digest, fate.size);
      throw error;
    }
    // Held since, or gone by another way.
    return this.fateOf(digest);
  }

  /** Takes what is cached off the disk, and out of the archive; resolves with its bytes, 0 where something else needs it. */
  async drop(digest: Digest): Promise<number> {
    const { blobs, holds, usage, books, archive } = this.#parts;
    const size = (await this.#sizeOf(digest)) ?? 0;
    if (holds.isHeld(digest)) return 0;
    usage.removed(digest);
    const wasAway = archive?.sizeOf(digest) !== undefined;
    await archive?.remove(digest);
    if (!(await blobs.delete(digest)) && !wasAway) return 0;
    books.gone(digest);
    return size;
  }

  async #sizeOf(digest: Digest): Promise<number | undefined> {
    const { blobs, archive } = this.#parts;
    return (await blobs.stat(digest))?.size ?? archive?.sizeOf(digest);
  }

  #give(digest: Digest): Promise<void> {
    const giving = this.#counted(digest).finally(() => {
      if (this.#giving.get(digest) === giving) this.#giving.delete(digest);
    });
    this.#giving.set(digest, giving);
    return giving;
  }

  async #counted(digest: Digest): Promise<void> {
    const { blobs, holds, usage } = this.#parts;
    const size = (await blobs.stat(digest))?.size;
    if (size !== undefined && !holds.isHeld(digest)) usage.added(digest, size);
  }
}
