/** A connection to a PostgreSQL server, known there by a name of its own. */
import { randomBytes } from "node:crypto";
import type { Client } from "pg";
import type { ServerClient } from "../server-connection.ts";

export type PostgresServer = {
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string;
  readonly isTls: boolean;
  /** PEM certificates to trust; left out, Node's. */
  readonly trusted?: readonly string[] | undefined;
};

export type Row = Readonly<Record<string, unknown>>;

/** Milliseconds. */
const longestConnecting = 900;
const longestStatement = 200;

export class PostgresClient implements ServerClient {
  readonly lost: Promise<unknown>;
  readonly #client: Client;
  readonly #name: string;
  #last: Promise<unknown> = Promise.resolve();

  /** `before`: connections whose statements come to an end first; `tables`: made where they are not there. */
  static async open(
    server: PostgresServer,
    before: readonly PostgresClient[],
    tables: Readonly<Record<string, string>>,
  ): Promise<PostgresClient> {
    const { default: pg } = await import("pg");
    const name = `entrepot ${randomBytes(6).toString("hex")}`;
    const driver = new pg.Client(optionsFor(server, name));
    const client = new PostgresClient(driver, lossOf(driver), name);
    try {
      await driver.connect();
      await client.#prepare(before, tables);
      return client;
    } catch (error) {
      client.end();
      throw error;
    }
  }

  private constructor(client: Client, lost: Promise<unknown>, name: string) {
    this.#client = client;
    this.lost = lost;
    this.#name = name;
  }

  /** One after the other, as they were asked. */
  async query(text: string, values: unknown[] = []): Promise<readonly Row[]> {
    const asked = this.#last.then(() => this.#client.query<Row>(text, values));
    this.#last = asked.catch(() => undefined);
    return (await asked).rows;
  }

  end(): void {
    // What hangs is broken off, what is idle is told; neither keeps a process.
    (this.#client as Client & { unref(): void }).unref();
    this.#client.end().catch(() => undefined);
  }

  async #prepare(
    before: readonly PostgresClient[],
    tables: Readonly<Record<string, string>>,
  ): Promise<void> {
    for (const one of before) await this.#endOther(one.#name);
    // Who turned it off for all of the database did not mean this.
    await this.query(`SELECT set_config('synchronous_commit', 'on', false)
      WHERE current_setting('synchronous_commit') = 'off'`);
    for (const [name, columns] of Object.entries(tables)) {
      const [found] = await this.query("SELECT to_regclass($1) AS at", [name]);
      if (found?.at === null) await this.query(`CREATE TABLE IF NOT EXISTS ${name} (${columns})`);
    }
  }

  /** Throws while it still runs. */
  async #endOther(name: string): Promise<void> {
    const those = "application_name = $1 AND usename = current_user AND pid <> pg_backend_pid()";
    const rows = await this.query(
      `SELECT pg_terminate_backend(pid, 400) AS done FROM pg_stat_activity WHERE ${those}`,
      [name],
    );
    if (rows.some(({ done }) => done !== true)) throw new Error("an earlier connection goes on");
  }
}

function optionsFor(server: PostgresServer, name: string) {
  const { host, port, user, password, database, isTls, trusted } = server;
  return {
    ...{ host, port, database, application_name: name, keepAlive: true },
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ssl: isTls ? { servername: host, ...(trusted && { ca: [...trusted] }) } : false,
    ...{ connectionTimeoutMillis: longestConnecting, statement_timeout: longestStatement },
  };
}

/** Without a listener the first broken connection would end the process. */
function lossOf(client: Client): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  client.on("error", resolve);
  client.on("end", () => resolve(new Error("the server closed the connection")));
  return promise;
}

export function sqlState(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/**
 * What a server says that stops, has become a standby, or has not the tables it had: 57P01 to 57P03,
 * 25006, 42P01.
 */
export function isPostgresOver(error: unknown): boolean {
  const state = sqlState(error) ?? "";
  return ["57P01", "57P02", "57P03", "25006", "42P01"].includes(state);
}
