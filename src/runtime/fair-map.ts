/**
 * A bounded map whose entries are each on somebody's account. When it is full, whoever has most of
 * it loses what he used longest ago, so that a flood of names from one pushes out the flood itself.
 */
import type { BoundedMapOptions } from "./bounded-map.ts";
import { Ranking } from "./ranking.ts";
import { type InSequence, Sequence } from "./sequence.ts";

export type FairMapOptions<K, V> = BoundedMapOptions<K, V> & {
  /** Hears of each entry that had to go for others. */
  readonly onPushedOut?: (value: V) => void;
};

/** Thousands may have one entry each, so it is small. */
interface Account<K, V> {
  readonly owner: string;
  /** By use, the oldest first. */
  readonly used: Sequence<Entry<K, V>>;
  size: number;
  bytes: number;
}

interface Entry<K, V> extends InSequence<Entry<K, V>> {
  readonly key: K;
  readonly value: V;
  readonly bytes: number;
  readonly account: Account<K, V>;
}

/** Whose an entry is that nobody in particular asked for. */
const nobody = "";

export class FairMap<K, V> {
  readonly #limit: number;
  readonly #byteLimit: number;
  readonly #bytesOf: (value: V, key: K) => number;
  readonly #onPushedOut: (value: V) => void;
  readonly #entries = new Map<K, Entry<K, V>>();
  readonly #accounts = new Map<string, Account<K, V>>();
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
    entry?.account.used.renew(entry);
    return entry?.value;
  }

  /**
   * Keeps the value. Of two who put it in it is that one's who has less of the map, so that nobody
   * takes what others use along when he is made to pay.
   */
  set(key: K, value: V, by?: string): void {
    const owner = this.#payer(key, by);
    this.delete(key);
    const account = this.#accounts.get(owner) ?? this.#open(owner);
    const bytes = this.#bytesOf(value, key);
    const entry = { key, value, bytes, account, before: undefined, after: undefined };
    this.#entries.set(key, entry);
    account.used.add(entry);
    this.#count(account, 1, bytes);
    while (this.#isFull()) this.#deleteOldest();
  }

  delete(key: K): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    const { account, bytes } = entry;
    account.used.remove(entry);
    if (account.size === 1) this.#accounts.delete(account.owner);
    this.#count(account, -1, -bytes);
    return this.#entries.delete(key);
  }

  /** One account after the other, each its oldest use first. */
  *entries(): IterableIterator<[K, V]> {
    for (const { used } of this.#accounts.values())
      for (const entry of used.all)
        if (this.#entries.get(entry.key) === entry) yield [entry.key, entry.value];
  }

  /** In the order of `entries`. */
  *values(): IterableIterator<V> {
    for (const [, value] of this.entries()) yield value;
  }

  #open(owner: string): Account<K, V> {
    const account = { owner, used: new Sequence<Entry<K, V>>(), size: 0, bytes: 0 };
    this.#accounts.set(owner, account);
    return account;
  }

  #count(account: Account<K, V>, entries: number, bytes: number): void {
    account.size += entries;
    account.bytes += bytes;
    this.#bytes += bytes;
    this.#ranking.set(account.owner, this.#share(account));
  }

  #payer(key: K, by: string | undefined): string {
    const present = this.#entries.get(key)?.account;
    if (present === undefined) return by ?? nobody;
    const other = by === undefined ? undefined : this.#accounts.get(by);
    const isLess = by !== undefined && this.#share(other) < this.#share(present);
    return isLess ? by : present.owner;
  }

  #isFull(): boolean {
    return this.#entries.size > this.#limit || this.#bytes > this.#byteLimit;
  }

  #deleteOldest(): void {
    const most = this.#ranking.first;
    const oldest = most === undefined ? undefined : this.#accounts.get(most)?.used.first;
    if (oldest === undefined) return;
    this.delete(oldest.key);
    this.#onPushedOut(oldest.value);
  }

  /** Of the bytes, or of the entries, whichever part is larger. */
  #share({ size, bytes }: Pick<Account<K, V>, "size" | "bytes"> = { size: 0, bytes: 0 }): number {
    return Math.max(size / this.#limit, bytes / this.#byteLimit);
  }
}
