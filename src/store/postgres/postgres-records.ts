/** Records in PostgreSQL, each a row of `entrepot_records`. A value is JSON as text, as we write it. */
import { type Json, readJson, type StoredRecord } from "../record-store.ts";
import type { ServedRecords } from "../served-records.ts";
import { type ServedOptions, ServerConnection } from "../server-connection.ts";
import type { StoreError } from "../store-error.ts";
import type { ObserveStore } from "../store-event.ts";
import {
  isPostgresOver,
  PostgresClient,
  type PostgresServer,
  type Row,
} from "./postgres-client.ts";

// Bytes decide the order of keys, whatever language the database is in.
const tables = {
  entrepot_records: `key text COLLATE "C" PRIMARY KEY, value text NOT NULL, expires timestamptz`,
};
const page = 1_000;
const isLive = "(expires IS NULL OR expires > clock_timestamp())";
const expiry = "clock_timestamp() + $3::double precision * interval '1 millisecond'";

export class PostgresRecords implements ServedRecords {
  readonly #connection: ServerConnection<PostgresClient>;
  readonly #observe: ObserveStore | undefined;

  /** Resolves within little more than a second, whether the server is there or not. */
  static async open(options: ServedOptions<PostgresServer>): Promise<PostgresRecords> {
    const records = new PostgresRecords(options);
    await records.#connection.start();
    return records;
  }

  private constructor({ server, where, clock, observe }: ServedOptions<PostgresServer>) {
    this.#observe = observe;
    this.#connection = new ServerConnection({
      what: "the records",
      ...{ where, clock, observe, isOver: isPostgresOver },
      open: async (before) => {
        const client = await PostgresClient.open(server, before, tables);
        await client.query(`DELETE FROM entrepot_records WHERE NOT ${isLive}`);
        return client;
      },
    });
  }

  get away(): StoreError | undefined {
    return this.#connection.away;
  }

  async get(key: string): Promise<Json | undefined> {
    const text = `SELECT key, value FROM entrepot_records WHERE key = $1 AND ${isLive}`;
    const ask = { operation: "get", what: `read ${key}` } as const;
    const [row] = await this.#connection.ask(ask, (client) => client.query(text, [key]));
    return row === undefined ? undefined : this.#read(row)?.value;
  }

  async set(key: string, value: Json, ttl?: number): Promise<void> {
    if (ttl !== undefined && ttl <= 0) return this.delete(key);
    const text = `INSERT INTO entrepot_records (key, value, expires) VALUES ($1, $2, ${expiry})
      ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires`;
    const ask = { operation: "set", what: `write ${key}` } as const;
    const values = [key, JSON.stringify(value), ttl ?? null];
    await this.#connection.ask(ask, (client) => client.query(text, values));
  }

  async delete(key: string): Promise<void> {
    await this.deleteMany([key]);
  }

  /** All or none. */
  async setMany(records: readonly StoredRecord[]): Promise<void> {
    if (records.length === 0) return;
    // One statement cannot write a row twice: the last counts.
    const last = new Map(records.map(({ key, value }) => [key, JSON.stringify(value)]));
    const text = `INSERT INTO entrepot_records (key, value)
      SELECT * FROM unnest($1::text[], $2::text[])
      ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = NULL`;
    const ask = { operation: "set", what: `write ${records.length} records` } as const;
    const values = [[...last.keys()], [...last.values()]];
    await this.#connection.ask(ask, (client) => client.query(text, values));
  }

  /** All or none. */
  async deleteMany(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    const text = "DELETE FROM entrepot_records WHERE key = ANY($1)";
    const ask = { operation: "delete", what: `delete ${keys.length} records` } as const;
    await this.#connection.ask(ask, (client) => client.query(text, [keys]));
  }

  async putIfAbsent(key: string, value: Json, ttl?: number): Promise<boolean> {
    const text = `INSERT INTO entrepot_records AS there (key, value, expires) VALUES ($1, $2, ${expiry})
      ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires
      WHERE there.expires <= clock_timestamp() RETURNING key`;
    const ask = { operation: "set", what: `write ${key}` } as const;
    const values = [key, JSON.stringify(value), ttl ?? null];
    const rows = await this.#connection.ask(ask, (client) => client.query(text, values));
    return rows.length > 0;
  }

  async *list(prefix: string): AsyncIterable<StoredRecord> {
    const text = `SELECT key, value FROM entrepot_records
      WHERE key > $1 AND key >= $2 AND key < $3 AND ${isLive} ORDER BY key LIMIT ${page}`;
    const ask = { operation: "list", what: `list ${prefix}` } as const;
    // U+10FFFF sorts after every character a key may go on with.
    const end = `${prefix}\u{10ffff}`;
    let after = "";
    let isMore = true;
    while (isMore) {
      const values = [after, prefix, end];
      const rows = await this.#connection.ask(ask, (client) => client.query(text, values));
      for (const row of rows) {
        const record = this.#read(row);
        if (record !== undefined) yield record;
      }
      after = String(rows.at(-1)?.key ?? after);
      isMore = rows.length === page;
    }
  }

  async clear(): Promise<void> {
    const ask = { operation: "clear", what: "forget all" } as const;
    await this.#connection.ask(ask, (client) => client.query("TRUNCATE entrepot_records"));
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  #read(row: Row): StoredRecord | undefined {
    const key = String(row.key);
    const value = typeof row.value === "string" ? readJson(row.value) : undefined;
    if (value !== undefined) return { key, value };
    this.#observe?.({ kind: "recordUnreadable", key });
    return undefined;
  }
}
