/**
 * Records in Redis or Valkey, each a text under `entrepot:` and its key. A server that may have lost
 * its last writes in a restart is told of: who knows better forgets all of it.
 */
import { type Json, readJson, type StoredRecord } from "../record-store.ts";
import type { ServedRecords } from "../served-records.ts";
import { type ServedOptions, ServerConnection } from "../server-connection.ts";
import type { StoreError } from "../store-error.ts";
import type { ObserveStore } from "../store-event.ts";
import {
  ifRefused,
  isRedisOver,
  RedisClient,
  type RedisServer,
  refusalIn,
  steps,
} from "./redis-client.ts";

export type RedisRecordsOptions = ServedOptions<RedisServer> & {
  /** Called before anything is read of a server that may have forgotten what was written last. */
  readonly distrust: () => void;
};

const prefix = "entrepot:";
/** No record's key begins so. */
const reserved = `${prefix}#`;
/** The life of the server in which these were written. */
const lifeKey = `${reserved}life`;
/** So many keys are looked at in one step. */
const step = 1_000;

export class RedisRecords implements ServedRecords {
  readonly #connection: ServerConnection<RedisClient>;
  readonly #observe: ObserveStore | undefined;
  /** Of the server as it was when the connection was opened. */
  #life: string | undefined;

  /** Resolves within little more than a second, whether the server is there or not. */
  static async open(options: RedisRecordsOptions): Promise<RedisRecords> {
    const records = new RedisRecords(options);
    await records.#connection.start();
    return records;
  }

  private constructor({ server, where, clock, observe, distrust }: RedisRecordsOptions) {
    this.#observe = observe;
    this.#connection = new ServerConnection({
      what: "the records",
      ...{ where, clock, observe, isOver: isRedisOver },
      open: async (before) => {
        const client = await RedisClient.open(server, before);
        try {
          if (!(await this.#hasAll(client))) distrust();
          return client;
        } catch (error) {
          client.end();
          throw error;
        }
      },
    });
  }

  get away(): StoreError | undefined {
    return this.#connection.away;
  }

  get(key: string): Promise<Json | undefined> {
    return this.#connection.ask({ operation: "get", what: `read ${key}` }, async ({ redis }) => {
      try {
        const text = await redis.get(prefix + key);
        return text === null ? undefined : this.#read(key, text);
      } catch (error) {
        // Somebody's list or hash under a name of ours.
        if (refusalIn(error) !== "WRONGTYPE") throw error;
        return this.#unreadable(key);
      }
    });
  }

  async set(key: string, value: Json, ttl?: number): Promise<void> {
    if (ttl !== undefined && ttl <= 0) return this.delete(key);
    const ask = { operation: "set", what: `write ${key}` } as const;
    await this.#connection.ask(ask, ({ redis }) =>
      ttl === undefined
        ? redis.set(prefix + key, JSON.stringify(value))
        : redis.set(prefix + key, JSON.stringify(value), "PX", Math.ceil(ttl)),
    );
  }

  async delete(key: string): Promise<void> {
    await this.deleteMany([key]);
  }

  /** All or none. */
  async setMany(records: readonly StoredRecord[]): Promise<void> {
    if (records.length === 0) return;
    const pairs = records.flatMap(({ key, value }) => [prefix + key, JSON.stringify(value)]);
    const ask = { operation: "set", what: `write ${records.length} records` } as const;
    await this.#connection.ask(ask, ({ redis }) => redis.mset(pairs));
  }

  /** All or none. */
  async deleteMany(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    const ask = { operation: "delete", what: `delete ${keys.length} records` } as const;
    const all = keys.map((key) => prefix + key);
    await this.#connection.ask(ask, ({ redis }) => redis.unlink(all));
  }

  async putIfAbsent(key: string, value: Json, ttl?: number): Promise<boolean> {
    const text = JSON.stringify(value);
    const ask = { operation: "set", what: `write ${key}` } as const;
    return this.#connection.ask(ask, async ({ redis }) => {
      const written =
        ttl === undefined
          ? await redis.set(prefix + key, text, "NX")
          : await redis.set(prefix + key, text, "PX", Math.ceil(ttl), "NX");
      return written === "OK";
    });
  }

  async *list(beginning: string): AsyncIterable<StoredRecord> {
    const pattern = `${escaped(prefix + beginning)}*`;
    const ask = { operation: "list", what: `list ${beginning}` } as const;
    // A key may be met twice while the server's table grows.
    const met = new Set<string>();
    const next = (cursor: string) =>
      this.#connection.ask(ask, async ({ redis }) => {
        const [following, found] = await redis.scan(cursor, "MATCH", pattern, "COUNT", step);
        const keys = found.filter((key) => !met.has(key) && !key.startsWith(reserved));
        const texts = keys.length === 0 ? [] : await redis.mget(keys);
        return [following, { keys, texts }] as const;
      });
    for await (const { keys, texts } of steps(next)) {
      for (const [index, stored] of keys.entries()) {
        met.add(stored);
        const text = texts[index] ?? undefined;
        const key = stored.slice(prefix.length);
        // Expired meanwhile, or no text.
        const value = text === undefined ? undefined : this.#read(key, text);
        if (value !== undefined) yield { key, value };
      }
    }
  }

  async clear(): Promise<void> {
    const ask = { operation: "clear", what: "forget all" } as const;
    const next = (cursor: string) =>
      this.#connection.ask(ask, ({ redis }) =>
        redis.scan(cursor, "MATCH", `${prefix}*`, "COUNT", step),
      );
    for await (const found of steps(next)) {
      const keys = found.filter((key) => !key.startsWith(reserved));
      if (keys.length > 0) await this.#connection.ask(ask, ({ redis }) => redis.unlink(keys));
    }
    const life = this.#life;
    if (life === undefined) return;
    await this.#connection.ask(ask, ({ redis }) => redis.set(lifeKey, life));
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  /** Whether the server is known to have whatever it was told to keep. */
  async #hasAll({ redis }: RedisClient): Promise<boolean> {
    const told = await redis.info().catch(ifRefused);
    this.#life = told === undefined ? undefined : /^run_id:(\w+)/m.exec(told)?.[1];
    if (told === undefined || this.#life === undefined) return false;
    if ((await redis.get(lifeKey)) === this.#life) return true;
    // It was restarted. One that logs every write has lost none; what is empty has nothing wrong in it.
    if (!/^aof_enabled:1/m.test(told)) return false;
    await redis.set(lifeKey, this.#life);
    return true;
  }

  #read(key: string, text: string): Json | undefined {
    const value = readJson(text);
    return value === undefined ? this.#unreadable(key) : value;
  }

  #unreadable(key: string): undefined {
    this.#observe?.({ kind: "recordUnreadable", key });
    return undefined;
  }
}

/** As SCAN takes it letter by letter. */
function escaped(text: string): string {
  return text.replace(/[\\*?[\]^-]/g, "\\$&");
}
