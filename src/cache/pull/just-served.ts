/**
 * What clients are about to ask for: the parts of manifests served a moment ago, and when that was.
 * Room is made elsewhere first (eviction.ts).
 */
import { setImmediate as yieldToOthers } from "node:timers/promises";
import type { Digest } from "../../protocol/digest.ts";
import { BoundedMap } from "../../runtime/bounded-map.ts";
import type { Manifests } from "../keeping/manifests.ts";

export type JustServedOptions = {
  readonly manifests: Pick<Manifests, "servedSince" | "read">;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

/** Clients ask for an image's blobs within so many milliseconds of its manifest. */
const moment = 600_000;
/** So many manifests are looked at before others get their turn. */
const stride = 50;
/** What one digest costs in memory. */
const digestBytes = 100;

export class JustServed {
  readonly #options: JustServedOptions;
  /** What manifests refer to never changes: read once, whoever makes room how often. */
  readonly #parts = new BoundedMap<Digest, readonly Digest[]>({
    bytes: { limit: 4 * 1024 * 1024, of: (parts) => (parts.length + 1) * digestBytes },
  });

  constructor(options: JustServedOptions) {
    this.#options = options;
  }

  /** Every such digest, with the time its manifest was served last. */
  async wanted(): Promise<ReadonlyMap<Digest, number>> {
    const { manifests, now } = this.#options;
    const wanted = new Map<Digest, number>();
    const served = manifests.servedSince(now() - moment);
    for (const [index, { digest, at }] of served.entries()) {
      wanted.set(digest, at);
      for (const part of this.#parts.get(digest) ?? (await this.#read(digest)))
        wanted.set(part, at);
      if (index % stride === stride - 1) await yieldToOthers();
    }
    return wanted;
  }

  async #read(digest: Digest): Promise<readonly Digest[]> {
    // Megabytes may have to be parsed.
    await yieldToOthers();
    const manifest = await this.#options.manifests.read(digest);
    if (manifest === undefined) return [];
    const parts = manifest.references.map((reference) => reference.digest);
    this.#parts.set(digest, parts);
    return parts;
  }
}
