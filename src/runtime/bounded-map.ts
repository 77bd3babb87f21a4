/**
 * A map that forgets what was used longest ago once it has too many entries, or too many bytes:
 * what others have a say in is bounded by its bytes, for text from outside can be any length.
 */

export type BoundedMapOptions<K, V> = {
  /** Entries; no bound unless said. */
  readonly limit?: number;
  /** So many bytes at most, and how many an entry costs when it is put in. */
  readonly bytes?: { readonly limit: number; readonly of: (value: V, key: K) => number };
};

type Entry<V> = { readonly value: V; readonly bytes: number };

export class BoundedMap<K, V> {
  readonly #entries = new Map<K, Entry<V>>();
  readonly #limit: number;
  readonly #byteLimit: number;
  readonly #bytesOf: (value: V, key: K) => number;
  #bytes = 0;

  constructor({ limit = Number.POSITIVE_INFINITY, bytes }: BoundedMapOptions<K, V>) {
    this.#limit = limit;
    this.#byteLimit = bytes?.limit ?? Number.POSITIVE_INFINITY;
    this.#bytesOf = bytes?.of ?? (() => 0);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Of all entries, as they were when they were put in. */
  get bytes(): number {
    return this.#bytes;
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  /** The value, which counts as used now. */
  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Keeps the value and forgets the oldest others; one that is too large alone is not kept. */
  set(key: K, value: V): void {
    this.delete(key);
    const bytes = this.#bytesOf(value, key);
    if (bytes > this.#byteLimit) return;
    this.#entries.set(key, { value, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#limit && this.#bytes <= this.#byteLimit) return;
      this.delete(oldest);
    }
  }

  delete(key: K): boolean {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0;
    return this.#entries.delete(key);
  }

  /** Oldest use first; entries may come and go while it is walked. */
  *entries(): IterableIterator<[K, V]> {
    for (const [key, { value }] of this.#entries) yield [key, value];
  }

  /** Oldest use first. */
  *values(): IterableIterator<V> {
    for (const { value } of this.#entries.values()) yield value;
  }
}
