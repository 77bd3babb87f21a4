/** What was pushed, in PostgreSQL: rows of `entrepot_pushed`, and one of `entrepot_state`. */
import type { PushedTable, TextChange } from "../served-pushed-records.ts";
import { type ServedOptions, ServerConnection } from "../server-connection.ts";
import { type StoreError, storeErrorFrom } from "../store-error.ts";
import {
  isPostgresOver,
  PostgresClient,
  type PostgresServer,
  sqlState,
} from "./postgres-client.ts";

const tables = {
  entrepot_pushed: `key text COLLATE "C" PRIMARY KEY, value text NOT NULL`,
  entrepot_state: "name text PRIMARY KEY, value text NOT NULL",
};
const page = 1_000;
const diskFull = "53100";

export class PostgresPushedTable implements PushedTable {
  readonly where: string;
  readonly #connection: ServerConnection<PostgresClient>;

  /** Resolves within little more than a second, whether the server is there or not. */
  static async open(options: ServedOptions<PostgresServer>): Promise<PostgresPushedTable> {
    const table = new PostgresPushedTable(options);
    await table.#connection.start();
    return table;
  }

  private constructor({ server, where, clock, observe }: ServedOptions<PostgresServer>) {
    this.where = where;
    this.#connection = new ServerConnection({
      what: "the records of pushes",
      ...{ where, clock, observe, isOver: isPostgresOver },
      open: (before) => PostgresClient.open(server, before, tables),
    });
  }

  get away(): StoreError | undefined {
    return this.#connection.away;
  }

  /** Sentences about a server that may lose what it said it has. */
  async warnings(): Promise<readonly string[]> {
    const ask = { operation: "get", what: "read its settings" } as const;
    const [row] = await this.#connection.ask(ask, (client) => client.query("SHOW fsync"));
    if (row?.fsync !== "off") return [];
    return ["PostgreSQL has fsync = off: a power cut can lose all that was pushed here"];
  }

  async state(): Promise<string | undefined> {
    const text = "SELECT value FROM entrepot_state WHERE name = 'pushed'";
    const ask = { operation: "get", what: "read the state of what was pushed" } as const;
    const [row] = await this.#connection.ask(ask, (client) => client.query(text));
    return row === undefined ? undefined : String(row.value);
  }

  async begin(state: string): Promise<boolean> {
    const text = `INSERT INTO entrepot_state (name, value) VALUES ('pushed', $1)
      ON CONFLICT (name) DO NOTHING RETURNING name`;
    const ask = { operation: "push", what: "begin what is pushed here" } as const;
    const rows = await this.#connection.ask(ask, (client) => client.query(text, [state]));
    return rows.length > 0;
  }

  async write(changes: readonly TextChange[], before: string, after: string): Promise<boolean> {
    // One statement is one transaction, and one way there and back.
    const text = `WITH turn AS (
        UPDATE entrepot_state SET value = $2 WHERE name = 'pushed' AND value = $1 RETURNING name
      ), gone AS (
        DELETE FROM entrepot_pushed WHERE key = ANY($3) AND EXISTS (SELECT FROM turn)
      ), come AS (
        INSERT INTO entrepot_pushed (key, value)
        SELECT come.* FROM unnest($4::text[], $5::text[]) AS come, turn
        ON CONFLICT (key) DO UPDATE SET value = excluded.value
      ) SELECT name FROM turn`;
    const gone: string[] = [];
    const [keys, texts]: [string[], string[]] = [[], []];
    for (const change of changes) {
      if (change.text === undefined) gone.push(change.key);
      else {
        keys.push(change.key);
        texts.push(change.text);
      }
    }
    const ask = { operation: "push", what: "record a push" } as const;
    const values = [before, after, gone, keys, texts];
    const rows = await this.#connection.ask(ask, async (client) => {
      try {
        return await client.query(text, values);
      } catch (error) {
        if (sqlState(error) !== diskFull) throw error;
        throw storeErrorFrom(
          error,
          "FULL",
          `a push cannot be recorded: no room left, says ${this.where}`,
        );
      }
    });
    return rows.length > 0;
  }

  async *list(): AsyncIterable<{ readonly key: string; readonly text: string }> {
    const text = `SELECT key, value FROM entrepot_pushed WHERE key > $1 ORDER BY key LIMIT ${page}`;
    const ask = { operation: "list", what: "read what was pushed" } as const;
    let after = "";
    while (true) {
      const from = after;
      const rows = await this.#connection.ask(ask, (client) => client.query(text, [from]));
      for (const { key, value } of rows) yield { key: String(key), text: String(value) };
      const last = rows.at(-1);
      if (last === undefined) return;
      after = String(last.key);
    }
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}
