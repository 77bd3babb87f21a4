/**
 * A map that forgets what was used longest ago once it weighs too much. By default every entry
 * weighs one, so the bound is a count.
 */

export type BoundedMapOptions<V> = {
  readonly limit: number;
  readonly weigh?: (value: V) => number;
};

export class BoundedMap<K, V> {
  readonly #entries = new Map<K, V>();
  readonly #limit: number;
  readonly #weigh: (value: V) => number;
  #weight = 0;

  constructor(options: BoundedMapOptions<V>) {
    this.#limit = options.limit;
    this.#weigh = options.weigh ?? (() => 1);
  }

  get size(): number {
    return this.#entries.size;
  }

  get weight(): number {
    return this.#weight;
  }

  /** The value, which counts as used now. */
  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  /** Keeps the value and forgets the oldest others; one that is too heavy alone is not kept. */
  set(key: K, value: V): void {
    this.delete(key);
    const weight = this.#weigh(value);
    if (weight > this.#limit) return;
    this.#entries.set(key, value);
    this.#weight += weight;
    for (const oldest of this.#entries.keys()) {
      if (this.#weight <= this.#limit) return;
      this.delete(oldest);
    }
  }

  delete(key: K): boolean {
    const value = this.#entries.get(key);
    if (value === undefined) return false;
    this.#weight -= this.#weigh(value);
    return this.#entries.delete(key);
  }

  /** Oldest use first. */
  entries(): IterableIterator<[K, V]> {
    return this.#entries.entries();
  }
}
