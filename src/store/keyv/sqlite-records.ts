/** Records in one SQLite file, by Node's own driver. A power cut may lose the last ones, never the file. */
import KeyvSqlite from "@keyv/sqlite";
import { Keyv } from "keyv";
import { storeErrorFrom } from "../store-error.ts";
import { KeyvRecordStore, type RawRecord, type RecordTable } from "./keyv-record-store.ts";

const table = "records";

/** SQLITE_IOERR, SQLITE_CORRUPT, SQLITE_NOTADB. */
const brokenCodes: ReadonlySet<number> = new Set([10, 11, 26]);

export type SqliteRecordsOptions = {
  /** Reads the whole file first, and refuses it if anything in it is wrong. */
  readonly isChecked?: boolean;
};

/** Opens or makes the file. Throws StoreError RECORDS. */
export async function openSqliteRecords(
  path: string,
  { isChecked = false }: SqliteRecordsOptions = {},
): Promise<KeyvRecordStore> {
  const adapter = new KeyvSqlite({
    uri: `sqlite://${path}`,
    driver: "node:sqlite",
    table,
    wal: true,
    iterationLimit: 1_000,
    busyTimeout: 5_000,
  });
  const keyv = new Keyv({ store: adapter });
  const records = new KeyvRecordStore(keyv, sqliteTable(adapter));
  try {
    await adapter.ready;
    await adapter.query("PRAGMA synchronous = NORMAL");
    if (isChecked) await check(adapter);
    await adapter.clearExpired();
    return records;
  } catch (error) {
    await records.close();
    const remedy = "if it is damaged, remove it: only what was remembered of tags and use is lost";
    throw storeErrorFrom(error, "RECORDS", `cannot open the records in ${path}; ${remedy}`);
  }
}

async function check(adapter: KeyvSqlite): Promise<void> {
  const rows = (await adapter.query("PRAGMA quick_check(1)")) as { readonly quick_check: string }[];
  const found = rows[0]?.quick_check ?? "no answer";
  if (found !== "ok") throw new Error(found);
}

/** Whether SQLite says of the file that it cannot be read, or that what it reads is no database. */
export function isBrokenFile(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "errcode" in error && typeof error.errcode === "number" ? error.errcode : 0;
  // The low byte is the code, what is above it only says where.
  return brokenCodes.has(code % 256) || isBrokenFile(error.cause);
}

function sqliteTable(adapter: KeyvSqlite): RecordTable {
  const page = `SELECT key, value FROM "${table}" WHERE namespace = '' AND key > ? AND key >= ?
    AND key < ? AND (expires IS NULL OR expires > ?) ORDER BY key LIMIT ?`;
  const insert = `INSERT INTO "${table}" (key, value, namespace, expires) VALUES (?, ?, '', ?)
    ON CONFLICT (key, namespace) DO UPDATE SET value = excluded.value, expires = excluded.expires
    WHERE expires <= ? RETURNING key`;
  return {
    async page(prefix, after, limit) {
      // U+10FFFF sorts after every character a key may go on with.
      const end = `${prefix}\u{10ffff}`;
      return (await adapter.query(page, after, prefix, end, Date.now(), limit)) as RawRecord[];
    },
    async insert({ key, value }, expires) {
      const rows = await adapter.query(insert, key, value, expires ?? null, Date.now());
      return rows.length > 0;
    },
  };
}
