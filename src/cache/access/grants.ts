/**
 * What upstreams have let single askers have, for a moment: a repository with all that is in it, or
 * one blob. Kept in memory alone, and bounded with the blobs in it.
 */
import type { Digest } from "../../protocol/digest.ts";
import { BoundedMap } from "../../runtime/bounded-map.ts";
import { FairMap } from "../../runtime/fair-map.ts";
import type { Generation } from "../../runtime/generation.ts";

export type GrantsOptions = {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds. */
  readonly life: number;
  /** Raised before one is taken back. */
  readonly generation?: Pick<Generation, "raise"> | undefined;
};

/** Until when it counts: for the repository, and for single blobs. */
type Grant = { readonly until: number; readonly blobs: BoundedMap<Digest, number> };

const mostBytes = 4 * 1024 * 1024;
const mostBlobs = 1_000;

export class Grants {
  readonly #options: GrantsOptions;
  /** By repository and asker. */
  readonly #all = new FairMap<string, Grant>({ bytes: { limit: mostBytes, of: sizeOf } });

  constructor(options: GrantsOptions) {
    this.#options = options;
  }

  /** The repository is open to this asker, whose address that counts to. */
  open(key: string, by: string | undefined): void {
    const blobs = this.#all.get(key)?.blobs ?? noBlobs();
    this.#all.set(key, { until: this.#fromNow(), blobs }, by);
  }

  openBlob(key: string, digest: Digest, by: string | undefined): void {
    const grant = this.#all.get(key) ?? { until: 0, blobs: noBlobs() };
    grant.blobs.set(digest, this.#fromNow());
    this.#all.set(key, grant, by);
  }

  withdraw(key: string): void {
    if (!this.#all.has(key)) return;
    this.#options.generation?.raise("grant");
    this.#all.delete(key);
  }

  has(key: string, digest: Digest | undefined): boolean {
    return this.until(key, digest) > this.#options.now();
  }

  /** When it ends, or has ended. */
  until(key: string, digest: Digest | undefined): number {
    const grant = this.#all.get(key);
    if (grant === undefined) return 0;
    const untilForBlob = digest === undefined ? 0 : (grant.blobs.get(digest) ?? 0);
    return Math.max(grant.until, untilForBlob);
  }

  #fromNow(): number {
    return this.#options.now() + this.#options.life;
  }
}

function noBlobs(): BoundedMap<Digest, number> {
  return new BoundedMap({ limit: mostBlobs });
}

function sizeOf({ blobs }: Grant, key: string): number {
  return 500 + key.length + 200 * blobs.size;
}
