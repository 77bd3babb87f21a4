/** Records and pushed records at real servers, which a test may stop, kill, fill and empty. */
import { onTestFinished } from "vitest";
import { systemClock } from "../../../src/runtime/clock.ts";
import type { PostgresServer } from "../../../src/store/postgres/postgres-client.ts";
import { PostgresPushedTable } from "../../../src/store/postgres/postgres-pushed-table.ts";
import { PostgresRecords } from "../../../src/store/postgres/postgres-records.ts";
import type { RedisServer } from "../../../src/store/redis/redis-client.ts";
import { RedisPushedTable } from "../../../src/store/redis/redis-pushed-table.ts";
import { RedisRecords } from "../../../src/store/redis/redis-records.ts";
import { ServedPushedRecords } from "../../../src/store/served-pushed-records.ts";
import type { ServedRecords } from "../../../src/store/served-records.ts";
import type { StoreEvent } from "../../../src/store/store-event.ts";
import { postgresServer, type RecordServer, redisServer } from "../../support/record-servers.ts";

export type Backend = {
  readonly server: RecordServer;
  readonly events: StoreEvent[];
  /** How often records were not to be trusted. */
  readonly distrusted: () => number;
  readonly records: () => Promise<ServedRecords>;
  readonly pushed: (options?: { readonly mayBeNew?: boolean }) => Promise<ServedPushedRecords>;
  /** Puts something under a key that is no JSON. */
  readonly spoil: (key: string) => Promise<void>;
  readonly spoilPushed: (key: string) => Promise<void>;
  /** Forgets everything, as the server's operator. */
  readonly empty: () => Promise<void>;
};

export type RedisBackend = Backend & Pick<Awaited<ReturnType<typeof redisServer>>, "asOperator">;

export async function redisBackend(args: readonly string[] = []): Promise<RedisBackend> {
  const server = await redisServer({ args });
  await server.start();
  const at: RedisServer = {
    ...{ host: "127.0.0.1", port: server.port, user: undefined, password: undefined },
    ...{ database: 0, isTls: false },
  };
  const events: StoreEvent[] = [];
  let distrusted = 0;
  const distrust = () => {
    distrusted += 1;
  };
  const its = { server: at, where: "redis", clock: systemClock, observe: record(events) };
  const ask = server.asOperator;
  return {
    ...{ server, events, distrusted: () => distrusted, asOperator: ask },
    records: async () => closed(await RedisRecords.open({ ...its, distrust })),
    pushed: async (options) =>
      closed(await ServedPushedRecords.open(await RedisPushedTable.open(its), options)),
    spoil: (key) => ask(async (redis) => void (await redis.set(`entrepot:${key}`, "{ no json"))),
    spoilPushed: (key) =>
      ask(async (redis) => void (await redis.hset("entrepot:#pushed", key, "{ no json"))),
    empty: () => ask(async (redis) => void (await redis.flushall())),
  };
}

export type PostgresBackend = Backend & {
  readonly server: Awaited<ReturnType<typeof postgresServer>>;
  readonly asOperator: Awaited<ReturnType<typeof postgresServer>>["asOperator"];
};

export async function postgresBackend(
  settings: Readonly<Record<string, string>> = {},
): Promise<PostgresBackend> {
  const server = await postgresServer({ settings });
  await server.start();
  const at: PostgresServer = {
    ...{ host: "127.0.0.1", port: server.port, user: "entrepot", password: undefined },
    ...{ database: "postgres", isTls: false },
  };
  const events: StoreEvent[] = [];
  const its = { server: at, where: "postgres", clock: systemClock, observe: record(events) };
  const ask = (text: string, values: unknown[] = []) =>
    server.asOperator(async (client) => void (await client.query(text, values)));
  const spoil = (table: string) => (key: string) =>
    ask(
      `INSERT INTO ${table} (key, value) VALUES ($1, '{ no json')
       ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
      [key],
    );
  return {
    ...{ server, events, distrusted: () => 0, asOperator: server.asOperator },
    records: async () => closed(await PostgresRecords.open(its)),
    pushed: async (options) =>
      closed(await ServedPushedRecords.open(await PostgresPushedTable.open(its), options)),
    spoil: spoil("entrepot_records"),
    spoilPushed: spoil("entrepot_pushed"),
    empty: () => ask("DROP TABLE IF EXISTS entrepot_records, entrepot_pushed, entrepot_state"),
  };
}

function record(events: StoreEvent[]) {
  return (event: StoreEvent): void => {
    if (event.kind !== "recordsAsked") events.push(event);
  };
}

function closed<Opened extends { readonly close: () => Promise<void> }>(opened: Opened): Opened {
  onTestFinished(() => opened.close());
  return opened;
}

export const backends: readonly (readonly [string, () => Promise<Backend>])[] = [
  ["Redis", () => redisBackend()],
  ["PostgreSQL", () => postgresBackend()],
];
