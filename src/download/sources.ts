/**
 * In whose name the upstream may be asked for one digest: every registry, repository and access
 * that waits for it. One that is refused is out, and its readers with it; the others go on.
 */

import type { Digest } from "../protocol/digest.ts";
import type { RepositoryName } from "../protocol/reference.ts";
import type { Registry } from "../protocol/registry-name.ts";
import type { OpenedBlob } from "../upstream/client/blob-range.ts";
import type { Place } from "../upstream/location.ts";
import type { Access } from "../upstream/registry-client.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import { UpstreamRefusal } from "../upstream/upstream-refusal.ts";

/** Up to which byte, and whether it is asked for the first time: what broke is asked for at the registry. */
export type AskedPart = { readonly end: number; readonly isFirst: boolean };

type Opening = (source: Source, signal: AbortSignal) => Promise<OpenedBlob>;

export class Sources {
  /** Who asked first. */
  readonly first: Source;
  readonly #open: OpenSource;
  readonly #onRefused: () => void;
  readonly #admitted = new Map<string, Source>();
  readonly #refusals = new WeakMap<Source, Error>();
  #lastRefusal: Error | undefined;
  /** Who served last; undefined before the first byte. */
  #server: Source | undefined;
  /** Where the upstream had its bytes, when that was not there. */
  #storage: Place | undefined;
  /** Repositories that bytes came from, by registry and name. */
  readonly #deliverers = new Map<string, Source>();
  /** Nothing of it was given to a login. */
  #isAnonymous = true;
  /** Some of it was opened with a login at another registry than was asked. */
  #isBorrowed = false;
  /** Some of it is from where we put it ourselves. */
  #isArchived = false;

  constructor(first: Source, open: OpenSource, onRefused: () => void) {
    this.#open = open;
    this.#onRefused = onRefused;
    this.first = this.join(first);
  }

  /** Whether the source of that key is in. */
  has(key: string): boolean {
    return this.#admitted.has(key);
  }

  /** The one of the same key that is in already, or else this one, which is in from now on. */
  join({ registry, repository, digest, access, generation }: Source): Source {
    const source = { registry, repository, digest, access, generation };
    const key = sourceKey(source);
    const same = this.#admitted.get(key);
    if (same === undefined) this.#admitted.set(key, source);
    return same ?? source;
  }

  /** Throws why the upstream refused this source, if it did. */
  check(source: Source): void {
    const refusal = this.#refusals.get(source);
    if (refusal !== undefined) throw refusal;
  }

  /** Who delivered the first byte, or would have; of a patchwork, no more than that. */
  get deliverer(): Source {
    const [deliverer = this.first] = this.#deliverers.values();
    return deliverer;
  }

  /** Whether no repository has shown that it holds it: several had a part in it, or another registry. */
  get isPatchwork(): boolean {
    return this.#isBorrowed || this.#isArchived || this.#deliverers.size > 1;
  }

  /** Whether some of it came from the archive. */
  get isArchived(): boolean {
    return this.#isArchived;
  }

  /** Whether all of it was given without any login. */
  get isAnonymous(): boolean {
    return this.#isAnonymous;
  }

  /** Whether it goes to those alone in whose very name it was opened. */
  get isBorrowed(): boolean {
    return this.#isBorrowed;
  }

  /**
   * The body from `offset` on, by the source that served last. When that one is refused all others
   * are asked at once, for one after the other would be a queue, and the first to be let in serves.
   */
  async open(offset: number, signal: AbortSignal, part?: AskedPart): Promise<OpenedBlob> {
    let group = this.#preferred();
    if (group.length === 0) throw this.#lastRefusal ?? new Error("nobody waits for it");
    for (;;) {
      try {
        return await this.#race(group, signal, (source, within) => {
          // Another has not been sent there.
          const isKnown = part?.isFirst === true && source === this.#server;
          const storage = isKnown ? this.#storage : undefined;
          return this.#open(source, offset, within, part && { end: part.end, storage });
        });
      } catch (error) {
        const others = [...this.#admitted.values()];
        // Who failed without being refused is asked again, but later.
        if (others.length === 0 || group.some((source) => others.includes(source))) throw error;
        group = others;
      }
    }
  }

  /** Who served last, or whoever came first. */
  #preferred(): Source[] {
    const all = [...this.#admitted.values()];
    const server = all.find((source) => source === this.#server);
    return server === undefined ? all.slice(0, 1) : [server];
  }

  async #race(group: readonly Source[], signal: AbortSignal, open: Opening): Promise<OpenedBlob> {
    const [only] = group;
    if (only !== undefined && group.length === 1) return await this.#ask(only, signal, open);
    const runners = group.map((source) => {
      const stop = new AbortController();
      const within = AbortSignal.any([signal, stop.signal]);
      return { stop, body: this.#ask(source, within, open) };
    });
    try {
      const winner = await Promise.any(runners.map(async (it) => ({ it, body: await it.body })));
      for (const loser of runners) {
        if (loser === winner.it) continue;
        loser.body.then((late) => late.close()).catch(() => undefined);
        loser.stop.abort();
      }
      return winner.body;
    } catch (error) {
      throw error instanceof AggregateError ? mostHopeful(error.errors) : error;
    }
  }

  async #ask(source: Source, signal: AbortSignal, open: Opening): Promise<OpenedBlob> {
    try {
      const body = await open(source, signal);
      if (!signal.aborted) this.#served(source, body);
      if (!signal.aborted && body.isBorrowed === true) this.#borrowedBy(source);
      return body;
    } catch (error) {
      if (!signal.aborted && this.#isRefusal(error)) this.#refuse(source, error);
      throw error;
    }
  }

  /** Its repository delivered bytes, be it in an earlier download. */
  hasDelivered(source: Source): void {
    this.#deliverers.set(`${source.registry.name} ${source.repository}`, source);
  }

  #served(source: Source, { storage, isArchived }: OpenedBlob): void {
    this.#server = source;
    if (isArchived === true) {
      this.#isArchived = true;
      return;
    }
    this.#isAnonymous &&= source.access.kind === "anonymous" || source.access.kind === "none";
    this.#storage = storage;
    this.hasDelivered(source);
  }

  /** Who else waits was let in by the word of a registry that these bytes are not from. */
  #borrowedBy(source: Source): void {
    this.#isBorrowed = true;
    for (const other of [...this.#admitted.values()]) {
      if (other === source) continue;
      const why = "what came was opened by another's login; ask again";
      this.#refuse(other, new UpstreamError("RESET", other.registry.name, why));
    }
  }

  /** Before anything was served any failure is this source's own; after that, asking again may mend most. */
  #isRefusal(error: unknown): error is Error {
    if (this.#server === undefined) {
      return error instanceof UpstreamRefusal || error instanceof UpstreamError;
    }
    return error instanceof UpstreamRefusal && [401, 403, 404].includes(error.response.status);
  }

  #refuse(source: Source, refusal: Error): void {
    this.#refusals.set(source, refusal);
    this.#lastRefusal = refusal;
    this.#admitted.delete(sourceKey(source));
    this.#onRefused();
  }
}

/** Of several failures the one that another try may mend. */
function mostHopeful(errors: readonly unknown[]): unknown {
  return errors.find((error) => error instanceof UpstreamError) ?? errors[0];
}

/** In whose name an upstream is asked for one digest. */
export type Source = {
  readonly registry: Registry;
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly access: Access;
  /** Grows with each write to the repository: who asks after one shares nothing begun before it. */
  readonly generation?: number | undefined;
};

/**
 * Opens what a source has of its digest, from `offset` on or a part of that. Throws UpstreamRefusal
 * or UpstreamError.
 */
export type OpenSource = (
  source: Source,
  offset: number,
  signal: AbortSignal,
  part?: { readonly end: number; readonly storage?: Place | undefined },
) => Promise<OpenedBlob>;

/** What an event says of it. */
export function placeOf({ registry, repository, digest }: Source) {
  return { registry: registry.name, repository, digest };
}

/** Asks with the same key are the same to the upstream. */
export function sourceKey({ registry, repository, access, generation = 0 }: Source): string {
  const authorization = access.kind === "client" ? access.authorization : "";
  return [registry.name, repository, generation, access.kind, authorization].join(" ");
}

/**
 * Under this id bytes wait for the next download of the same digest from the same repository. No
 * other may have them: that its registry says yes to the digest does not prove that it has these bytes.
 */
export function resumptionId({ registry, repository, digest }: Source): string {
  return [digest, registry.scheme, registry.name, repository].join(" ");
}
