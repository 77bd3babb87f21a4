/**
 * A map that forgets what was used longest ago once it has too many entries, or too many bytes:
 * what others have a say in is bounded by its bytes, for text from outside can be any length.
 */
import { type InSequence, Sequence } from "./sequence.ts";

export type BoundedMapOptions<K, V> = {
  /** Entries; no bound unless said. */
  readonly limit?: number;
  /** So many bytes at most, and how many an entry costs when it is put in. */
  readonly bytes?: { readonly limit: number; readonly of: (value: V, key: K) => number };
};

interface Entry<K, V> extends InSequence<Entry<K, V>> {
  readonly key: K;
  value: V;
  bytes: number;
}

export class BoundedMap<K, V> {
  readonly #entries = new Map<K, Entry<K, V>>();
  /** By use, the oldest first. */
  readonly #used = new Sequence<Entry<K, V>>();
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

  /** What was used longest ago. */
  get oldest(): readonly [K, V] | undefined {
    const { first } = this.#used;
    return first && [first.key, first.value];
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  /** The value, which counts as used now. */
  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#used.renew(entry);
    return entry.value;
  }

  /** Keeps the value and forgets the oldest others; one that is too large alone is not kept. */
  set(key: K, value: V): void {
    const bytes = this.#bytesOf(value, key);
    if (bytes > this.#byteLimit) {
      this.delete(key);
      return;
    }
    const entry = this.#entries.get(key) ?? this.#add(key, value);
    this.#used.renew(entry);
    this.#bytes += bytes - entry.bytes;
    entry.value = value;
    entry.bytes = bytes;
    while (this.#entries.size > this.#limit || this.#bytes > this.#byteLimit) this.#forgetOldest();
  }

  delete(key: K): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#used.remove(entry);
    this.#bytes -= entry.bytes;
    return this.#entries.delete(key);
  }

  /** Oldest use first; entries may come and go while it is walked, of which those that come are not seen. */
  *entries(): IterableIterator<[K, V]> {
    for (const entry of this.#used.all)
      if (this.#entries.get(entry.key) === entry) yield [entry.key, entry.value];
  }

  /** In the order of `entries`. */
  *values(): IterableIterator<V> {
    for (const [, value] of this.entries()) yield value;
  }

  #add(key: K, value: V): Entry<K, V> {
    const entry: Entry<K, V> = { key, value, bytes: 0, before: undefined, after: undefined };
    this.#entries.set(key, entry);
    this.#used.add(entry);
    return entry;
  }

  #forgetOldest(): void {
    const { first } = this.#used;
    if (first !== undefined) this.delete(first.key);
  }
}
