/**
 * A bounded map whose entries are each on somebody's account. When it is full, whoever has most of
 * it loses what he used longest ago, so that a flood of names from one pushes out the flood itself.
 */
import { BoundedMap, type BoundedMapOptions } from "./bounded-map.ts";
import { Ranking } from "./ranking.ts";

export type FairMapOptions<K, V> = BoundedMapOptions<K, V> & {
  /** Hears of each entry that had to go for others. */
  readonly onPushedOut?: (value: V) => void;
};

/** Whose an entry is that nobody in particular asked for. */
const nobody = "";

export class FairMap<K, V> {
  readonly #limit: number;
  readonly #byteLimit: number;
  readonly #bytesOf: (value: V, key: K) => number;
  readonly #onPushedOut: (value: V) => void;
  readonly #accounts = new Map<string, BoundedMap<K, V>>();
  readonly #ownerOf = new Map<K, string>();
  readonly #ranking = new Ranking();
  #bytes = 0;

  constructor({
    limit = Number.POSITIVE_INFINITY,
    bytes,
    onPushedOut = () => undefined,
  }: FairMapOptions<K, V>) {
    this.#limit = limit;
    this.#byteLimit = bytes?.limit ?? Number.POSITIVE_INFINITY;
    this.#bytesOf = bytes?.of ?? (() => 0);
    this.#onPushedOut = onPushedOut;
  }

  get size(): number {
    return this.#ownerOf.size;
  }

  /** Of all entries, as they were when they were put in. */
  get bytes(): number {
    return this.#bytes;
  }

  has(key: K): boolean {
    return this.#ownerOf.has(key);
  }

  /** The value, which counts as used now. */
  get(key: K): V | undefined {
    return this.#accountOf(key)?.get(key);
  }

  /**
   * Keeps the value. Of two who put it in it is that one's who has less of the map, so that nobody
   * takes what others use along when he is made to pay.
   */
  set(key: K, value: V, by?: string): void {
    const owner = this.#payer(key, by);
    this.delete(key);
    const account = this.#accounts.get(owner) ?? new BoundedMap({ bytes: this.#counting });
    this.#accounts.set(owner, account);
    const before = account.bytes;
    account.set(key, value);
    this.#bytes += account.bytes - before;
    this.#ownerOf.set(key, owner);
    this.#ranking.set(owner, this.#share(owner));
    while (this.#isFull()) this.#deleteOldest();
  }

  delete(key: K): boolean {
    const owner = this.#ownerOf.get(key);
    const account = owner === undefined ? undefined : this.#accounts.get(owner);
    if (owner === undefined || account === undefined) return false;
    const before = account.bytes;
    account.delete(key);
    this.#bytes -= before - account.bytes;
    this.#ownerOf.delete(key);
    if (account.size === 0) this.#accounts.delete(owner);
    this.#ranking.set(owner, this.#share(owner));
    return true;
  }

  /** One account after the other, each its oldest use first. */
  *entries(): IterableIterator<[K, V]> {
    for (const account of this.#accounts.values()) yield* account.entries();
  }

  /** In the order of `entries`. */
  *values(): IterableIterator<V> {
    for (const account of this.#accounts.values()) yield* account.values();
  }

  get #counting() {
    return { limit: Number.POSITIVE_INFINITY, of: this.#bytesOf };
  }

  #accountOf(key: K): BoundedMap<K, V> | undefined {
    const owner = this.#ownerOf.get(key);
    return owner === undefined ? undefined : this.#accounts.get(owner);
  }

  #payer(key: K, by: string | undefined): string {
    const present = this.#ownerOf.get(key);
    if (present === undefined) return by ?? nobody;
    return by === undefined || this.#share(by) >= this.#share(present) ? present : by;
  }

  #isFull(): boolean {
    return this.#ownerOf.size > this.#limit || this.#bytes > this.#byteLimit;
  }

  #deleteOldest(): void {
    const most = this.#ranking.first;
    const oldest = most === undefined ? undefined : this.#accounts.get(most)?.oldest;
    if (oldest === undefined) return;
    this.delete(oldest[0]);
    this.#onPushedOut(oldest[1]);
  }

  /** Of the bytes, or of the entries, whichever part is larger. */
  #share(owner: string): number {
    const { size = 0, bytes = 0 } = this.#accounts.get(owner) ?? {};
    return Math.max(size / this.#limit, bytes / this.#byteLimit);
  }
}
