/**
 * The port to small facts: JSON records under string keys such as `tag/…` or `usage/…`.
 * Every method throws StoreError RECORDS when the backend fails: a broken table never reads as empty.
 */

export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json };

export type StoredRecord = { readonly key: string; readonly value: Json };

/** Undefined for what is no JSON: then nobody knows what was meant. */
export function readJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

export interface RecordStore {
  /** The record, or undefined when there is none or it has expired. */
  get(key: string): Promise<Json | undefined>;
  /** Writes the record; it expires after `ttl` milliseconds when given. */
  set(key: string, value: Json, ttl?: number): Promise<void>;
  /** Forgets the record; no error when there is none. */
  delete(key: string): Promise<void>;
  /** Writes them all; much cheaper than one after the other. Where that fails, some may be written. */
  setMany(records: readonly StoredRecord[]): Promise<void>;
  /** Forgets them all, as `setMany` writes. */
  deleteMany(keys: readonly string[]): Promise<void>;
  /** All records whose key starts with `prefix`; yields to the event loop every 1,000 records. */
  list(prefix: string): AsyncIterable<StoredRecord>;
  /** Writes the record only when there is none; true if it was written. */
  putIfAbsent(key: string, value: Json, ttl?: number): Promise<boolean>;
}
