/** Records in one SQLite file, by Node's own driver. A power cut may lose the last ones, never the file. */
import KeyvSqlite from "@keyv/sqlite";
import { Keyv } from "keyv";
import { storeErrorFrom } from "../store-error.ts";
import { KeyvRecordStore, type RawRecord, type RecordTable } from "./keyv-record-store.ts";

const table = "records";

/** Opens or makes the file. Throws StoreError RECORDS. */
export async function openSqliteRecords(path: string): Promise<KeyvRecordStore> {
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
    await adapter.clearExpired();
    return records;
  } catch (error) {
    await records.close();
    const remedy = "if it is damaged, remove it: only what was remembered of tags and use is lost";
    throw storeErrorFrom(error, "RECORDS", `cannot open the records in ${path}; ${remedy}`);
  }
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
