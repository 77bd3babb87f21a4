/**
 * The file of pushed records. `synchronous = FULL` syncs the log of every commit: NORMAL syncs none,
 * and what was acknowledged would be lost with the power. Whatever is wrong with the file is told of,
 * never repaired by starting anew. Calls block: it lives in a thread (pushed-thread.ts).
 */
import { backup, DatabaseSync } from "node:sqlite";
import type { RecordChange } from "../pushed-records.ts";
import type { Json, StoredRecord } from "../record-store.ts";
import { type StoreError, storeErrorFrom } from "../store-error.ts";

const format = 1;
const SQLITE_FULL = 13;
/** So many records are read at a time. */
const page = 1_000;
/** So many pages are copied before a write gets its turn. */
const pagesAtOnce = 500;

export class PushedDatabase {
  readonly #database: DatabaseSync;

  /** Opens the file, or makes it where `mayBeNew`. Throws StoreError RECORDS with a sentence for the operator. */
  constructor(path: string, mayBeNew = true) {
    let database: DatabaseSync | undefined;
    try {
      // The data folder has a lock of its own; an exclusive log needs no shared memory beside it.
      database = new DatabaseSync(path, { timeout: 1_000 });
      database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL");
      database.exec("PRAGMA synchronous = FULL");
      prepare(database, mayBeNew);
      this.#database = database;
    } catch (error) {
      database?.close();
      throw storeErrorFrom(
        error,
        "RECORDS",
        `${path} cannot be read: ${reasonOf(error)}; ${advice}`,
      );
    }
  }

  /** The records behind `after`, in the order of the keys, at most a thousand. */
  list(after: string): readonly StoredRecord[] {
    try {
      const rows = this.#database
        .prepare("SELECT key, value FROM pushed WHERE key > ? ORDER BY key LIMIT ?")
        .all(after, page);
      return rows.map((row) => ({
        key: String(row.key),
        value: JSON.parse(String(row.value)) as Json,
      }));
    } catch (error) {
      throw storeErrorFrom(error, "RECORDS", `what was pushed cannot be read: ${reasonOf(error)}`);
    }
  }

  write(changes: readonly RecordChange[]): void {
    const database = this.#database;
    try {
      database.exec("BEGIN IMMEDIATE");
      const set = database.prepare("INSERT OR REPLACE INTO pushed (key, value) VALUES (?, ?)");
      const forget = database.prepare("DELETE FROM pushed WHERE key = ?");
      for (const { key, value } of changes) {
        if (value === undefined) forget.run(key);
        else set.run(key, JSON.stringify(value));
      }
      database.exec("COMMIT");
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw writeFailure(error, "a push cannot be recorded");
    }
  }

  /** Into a new file, while others go on writing; what they write meanwhile may be in it too. */
  async copyTo(path: string): Promise<void> {
    try {
      await backup(this.#database, path, { rate: pagesAtOnce });
    } catch (error) {
      throw writeFailure(error, "what was pushed cannot be copied");
    }
  }

  close(): void {
    this.#database.close();
  }
}

const advice = "it holds what was pushed here; restore it from a backup";

function prepare(database: DatabaseSync, mayBeNew: boolean): void {
  const version = Number(database.prepare("PRAGMA user_version").get()?.user_version);
  if (version !== 0 && version !== format) {
    throw new Error(`it has format ${version}, and this version reads format ${format}`);
  }
  if (version === 0 && !mayBeNew) throw new Error("there is nothing in it");
  const found = database.prepare("PRAGMA quick_check(1)").get()?.quick_check;
  if (found !== "ok") throw new Error(String(found));
  database.exec(
    `CREATE TABLE IF NOT EXISTS pushed (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
     PRAGMA user_version = ${format}`,
  );
}

function writeFailure(error: unknown, what: string): StoreError {
  const isFull = error instanceof Error && "errcode" in error && error.errcode === SQLITE_FULL;
  if (isFull) return storeErrorFrom(error, "FULL", `${what}: no room left on the volume`);
  return storeErrorFrom(error, "RECORDS", `${what}: ${reasonOf(error)}`);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
