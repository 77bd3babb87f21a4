/**
 * In whose name the upstream may be asked for one digest: every registry, repository and access
 * that waits for it. One that is refused is out, and its readers with it; the others go on.
 */
import type { OpenedBlob } from "../upstream/client/blob-range.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import { UpstreamRefusal } from "../upstream/upstream-refusal.ts";
import { type Source, sourceKey } from "./source.ts";
import type { OpenBody } from "./upstream-body.ts";

export class Sources {
  readonly #open: OpenBody;
  readonly #onRefused: () => void;
  readonly #admitted = new Map<string, Source>();
  readonly #refusals = new WeakMap<Source, Error>();
  /** Who served last; undefined before the first byte. */
  #server: Source | undefined;
  /** Repositories that bytes came from, by registry and name. */
  readonly #deliverers = new Map<string, Source>();

  constructor(open: OpenBody, onRefused: () => void) {
    this.#open = open;
    this.#onRefused = onRefused;
  }

  /** Whether the source of that key is in. */
  has(key: string): boolean {
    return this.#admitted.has(key);
  }

  /** The one of the same key that is in already, or else this one, which is in from now on. */
  join({ kind, registry, repository, digest, access, accept }: Source): Source {
    const source = { kind, registry, repository, digest, access, accept };
    const key = sourceKey(source);
    const same = this.#admitted.get(key);
    if (same === undefined) this.#admitted.set(key, source);
    return same ?? source;
  }

  /** Why the upstream refused this source, if it did. */
  refusalOf(source: Source): Error | undefined {
    return this.#refusals.get(source);
  }

  /** Who delivered every byte; undefined when several repositories had a part in it, or none. */
  get deliverer(): Source | undefined {
    const [first, second] = this.#deliverers.values();
    return second === undefined ? first : undefined;
  }

  /** Whether several repositories had a part in it. */
  get isPatchwork(): boolean {
    return this.#deliverers.size > 1;
  }

  /**
   * The body from `offset` on, by the source that served last. When that one is refused all others
   * are asked at once, for one after the other would be a queue, and the first to be let in serves.
   */
  async open(offset: number, signal: AbortSignal): Promise<OpenedBlob> {
    let group = this.#first();
    for (;;) {
      try {
        return await this.#race(group, offset, signal);
      } catch (error) {
        const others = [...this.#admitted.values()];
        // Who failed without being refused is asked again, but later.
        if (others.length === 0 || group.some((source) => others.includes(source))) throw error;
        group = others;
      }
    }
  }

  /** Who served last, or whoever came first. */
  #first(): Source[] {
    const all = [...this.#admitted.values()];
    const server = all.find((source) => source === this.#server);
    return server === undefined ? all.slice(0, 1) : [server];
  }

  async #race(group: readonly Source[], offset: number, signal: AbortSignal): Promise<OpenedBlob> {
    const runners = group.map((source) => {
      const stop = new AbortController();
      const within = AbortSignal.any([signal, stop.signal]);
      return { stop, body: this.#ask(source, offset, within) };
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

  async #ask(source: Source, offset: number, signal: AbortSignal): Promise<OpenedBlob> {
    try {
      const body = await this.#open(source, offset, signal);
      if (!signal.aborted) this.#served(source);
      return body;
    } catch (error) {
      if (!signal.aborted && this.#isRefusal(error)) this.#refuse(source, error);
      throw error;
    }
  }

  /** Its repository has delivered the first bytes, in an earlier download. */
  hasDelivered(source: Source): void {
    this.#deliverers.set(`${source.registry.name} ${source.repository}`, source);
  }

  #served(source: Source): void {
    this.#server = source;
    this.hasDelivered(source);
  }

  /** Before anything was served any failure is this source's own; after that, healing may mend most. */
  #isRefusal(error: unknown): error is Error {
    if (this.#server === undefined) {
      return error instanceof UpstreamRefusal || error instanceof UpstreamError;
    }
    return error instanceof UpstreamRefusal && [401, 403, 404].includes(error.response.status);
  }

  #refuse(source: Source, refusal: Error): void {
    this.#refusals.set(source, refusal);
    this.#admitted.delete(sourceKey(source));
    this.#onRefused();
  }
}

/** Of several failures the one that another try may mend. */
function mostHopeful(errors: readonly unknown[]): unknown {
  return errors.find((error) => error instanceof UpstreamError) ?? errors[0];
}
