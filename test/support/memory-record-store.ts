/** Records in memory, for tests; values are copied, so nobody shares them. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Json, RecordStore, StoredRecord } from "../../src/store/record-store.ts";

type Kept = { readonly text: string; readonly expires: number };

const recordsPerTurn = 1_000;

export class MemoryRecordStore implements RecordStore {
  readonly #kept = new Map<string, Kept>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  async get(key: string): Promise<Json | undefined> {
    const kept = this.#live(key);
    return kept === undefined ? undefined : read(kept);
  }

  async set(key: string, value: Json, ttl = Number.POSITIVE_INFINITY): Promise<void> {
    this.#kept.set(key, { text: JSON.stringify(value), expires: this.#now() + ttl });
  }

  async delete(key: string): Promise<void> {
    this.#kept.delete(key);
  }

  async setMany(records: readonly StoredRecord[]): Promise<void> {
    for (const { key, value } of records) await this.set(key, value);
  }

  async deleteMany(keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.delete(key);
  }

  async *list(prefix: string): AsyncIterable<StoredRecord> {
    let walked = 0;
    for (const key of this.#kept.keys()) {
      walked += 1;
      if (walked % recordsPerTurn === 0) await nextTurn();
      const kept = key.startsWith(prefix) ? this.#live(key) : undefined;
      if (kept !== undefined) yield { key, value: read(kept) };
    }
  }

  async putIfAbsent(key: string, value: Json, ttl?: number): Promise<boolean> {
    if (this.#live(key) !== undefined) return false;
    await this.set(key, value, ttl);
    return true;
  }

  #live(key: string): Kept | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined || kept.expires > this.#now()) return kept;
    this.#kept.delete(key);
    return undefined;
  }
}

function read(kept: Kept): Json {
  return JSON.parse(kept.text) as Json;
}
