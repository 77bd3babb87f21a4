/**
 * Records in a database behind keyv. keyv hides failures as soon as anybody listens for them, so
 * nobody does here: one Keyv, no namespace, no `error` listener, and `false` is a failure.
 */
import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Keyv } from "keyv";
import type { Json, RecordStore, StoredRecord } from "../record-store.ts";
import { StoreError, storeErrorFrom } from "../store-error.ts";

/** What keyv cannot do, or only by reading the whole table; each backend brings its own. */
export interface RecordTable {
  /** Up to `limit` live rows whose key starts with `prefix` and sorts after `after`, in order. */
  page(prefix: string, after: string, limit: number): Promise<readonly RawRecord[]>;
  /** Inserts the row in one step unless a live one is there; true if it was written. */
  insert(row: RawRecord, expires: number | undefined): Promise<boolean>;
}

/** A row as keyv stores it: the value still encoded. */
export type RawRecord = { readonly key: string; readonly value: string };

/** Long keys are hashed, so the record names the key it stands for. */
type Envelope = { readonly key?: string; readonly value: Json };

const keyLimit = 250;
const keptOfLongKey = 180;
const recordsPerPage = 1_000;
const recordsPerWrite = 200;
// The driver is synchronous: without a pause a loop of writes would hold up everything else.
const callsPerTurn = 250;

export class KeyvRecordStore implements RecordStore {
  readonly #keyv: Keyv;
  readonly #table: RecordTable;
  #calls = 0;

  /** Owns `keyv` from here on. */
  constructor(keyv: Keyv, table: RecordTable) {
    this.#keyv = keyv;
    this.#table = table;
  }

  get(key: string): Promise<Json | undefined> {
    return this.#ask(`read ${key}`, async () => {
      const envelope = (await this.#keyv.get(storedKey(key))) as Envelope | undefined;
      return envelope?.value;
    });
  }

  async set(key: string, value: Json, ttl?: number): Promise<void> {
    if (ttl !== undefined && ttl <= 0) return this.delete(key);
    await this.#ask(`write ${key}`, async () => {
      const isWritten = await this.#keyv.set(storedKey(key), envelopeOf(key, value), ttl);
      if (!isWritten) throw new StoreError("RECORDS", `cannot write ${key}`);
    });
  }

  async delete(key: string): Promise<void> {
    await this.#ask(`delete ${key}`, () => this.#keyv.delete(storedKey(key)));
  }

  async setMany(records: readonly StoredRecord[]): Promise<void> {
    const rows = records.map(({ key, value }) => ({
      key: storedKey(key),
      value: envelopeOf(key, value),
    }));
    // Neighbours lie on the same pages.
    rows.sort((a, b) => (a.key < b.key ? -1 : 1));
    for (let start = 0; start < rows.length; start += recordsPerWrite) {
      const some = rows.slice(start, start + recordsPerWrite);
      if (start > 0) await nextTurn();
      await this.#ask(`write ${some.length} records`, async () => {
        const written = await this.#keyv.setMany(some);
        if (!written.every(Boolean)) throw new StoreError("RECORDS", "cannot write many records");
      });
    }
  }

  async deleteMany(keys: readonly string[]): Promise<void> {
    const stored = keys.map(storedKey).sort();
    for (let start = 0; start < stored.length; start += recordsPerWrite) {
      const some = stored.slice(start, start + recordsPerWrite);
      if (start > 0) await nextTurn();
      await this.#ask(`delete ${some.length} records`, () => this.#keyv.deleteMany(some));
    }
  }

  async *list(prefix: string): AsyncIterable<StoredRecord> {
    const stored = prefix.slice(0, keptOfLongKey);
    let after = "";
    let isMore = true;
    while (isMore) {
      const page = await this.#ask(`list ${prefix}`, () =>
        this.#table.page(stored, after, recordsPerPage),
      );
      for (const row of page) {
        const record = await this.#ask(`read ${row.key}`, () => this.#decode(row));
        if (record.key.startsWith(prefix)) yield record;
      }
      after = page.at(-1)?.key ?? after;
      isMore = page.length === recordsPerPage;
      if (isMore) await nextTurn();
    }
  }

  putIfAbsent(key: string, value: Json, ttl?: number): Promise<boolean> {
    return this.#ask(`write ${key}`, async () => {
      const expires = ttl === undefined ? undefined : Date.now() + ttl;
      const envelope = { value: envelopeOf(key, value), expires };
      const encoded = String(await this.#keyv.encode(envelope));
      return this.#table.insert({ key: storedKey(key), value: encoded }, expires);
    });
  }

  /** Idempotent; never rejects. */
  async close(): Promise<void> {
    try {
      await this.#keyv.disconnect();
    } catch {
      // Closed before, or broken: everything that was acknowledged is written.
    }
  }

  async #decode(row: RawRecord): Promise<StoredRecord> {
    const envelope = (await this.#keyv.decode(row.value))?.value as Envelope | undefined;
    if (envelope === undefined) throw new StoreError("RECORDS", `cannot read ${row.key}`);
    return { key: envelope.key ?? row.key, value: envelope.value };
  }

  async #ask<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
    this.#calls += 1;
    if (this.#calls % callsPerTurn === 0) await nextTurn();
    try {
      return await work();
    } catch (error) {
      if (error instanceof StoreError) throw error;
      throw storeErrorFrom(error, "RECORDS", `cannot ${what}`);
    }
  }
}

function envelopeOf(key: string, value: Json): Envelope {
  return key.length > keyLimit ? { key, value } : { value };
}

function storedKey(key: string): string {
  if (key.length <= keyLimit) return key;
  const hash = createHash("sha256").update(key).digest("hex");
  return `${key.slice(0, keptOfLongKey)}#${hash}`;
}
