/** What was pushed, in Redis: one hash of texts, and its state beside it. */
import type { PushedTable, TextChange } from "../served-pushed-records.ts";
import { type ServedOptions, ServerConnection } from "../server-connection.ts";
import { StoreError, storeErrorFrom } from "../store-error.ts";
import {
  ifRefused,
  isRedisOver,
  RedisClient,
  type RedisServer,
  refusalIn,
  steps,
} from "./redis-client.ts";

const recordsKey = "entrepot:#pushed";
const stateKey = "entrepot:#pushed-state";
const step = 1_000;

export class RedisPushedTable implements PushedTable {
  readonly where: string;
  readonly #connection: ServerConnection<RedisClient>;

  /** Resolves within little more than a second, whether the server is there or not. */
  static async open(options: ServedOptions<RedisServer>): Promise<RedisPushedTable> {
    const table = new RedisPushedTable(options);
    await table.#connection.start();
    return table;
  }

  private constructor({ server, where, clock, observe }: ServedOptions<RedisServer>) {
    this.where = where;
    this.#connection = new ServerConnection({
      what: "the records of pushes",
      ...{ where, clock, observe, isOver: isRedisOver },
      open: (before) => RedisClient.open(server, before),
    });
  }

  get away(): StoreError | undefined {
    return this.#connection.away;
  }

  /** Throws StoreError where it would lose pushes by design; sentences about what else it may lose. */
  async warnings(): Promise<readonly string[]> {
    const ask = { operation: "get", what: "read its settings" } as const;
    const told = await this.#connection.ask(ask, async ({ redis }) => {
      const names = ["appendonly", "maxmemory-policy", "appendfsync"];
      const values: Record<string, string> = {};
      for (const name of names) {
        const answer = await redis.config("GET", name).catch(ifRefused);
        if (!Array.isArray(answer)) return undefined;
        values[name] = String(answer[1]);
      }
      return values;
    });
    if (told === undefined) {
      return [
        "Redis does not let us read its settings: what was pushed here is safe only with appendonly yes and maxmemory-policy noeviction",
      ];
    }
    refuseForgetful(told);
    if (told.appendfsync === "always") return [];
    return [
      `Redis has appendfsync ${told.appendfsync}: a power cut can lose the last pushes; write appendfsync always`,
    ];
  }

  async state(): Promise<string | undefined> {
    const ask = { operation: "get", what: "read the state of what was pushed" } as const;
    const state = await this.#connection.ask(ask, ({ redis }) => redis.get(stateKey));
    return state ?? undefined;
  }

  async begin(state: string): Promise<boolean> {
    const ask = { operation: "push", what: "begin what is pushed here" } as const;
    const done = await this.#connection.ask(ask, ({ redis }) => redis.set(stateKey, state, "NX"));
    return done === "OK";
  }

  async write(changes: readonly TextChange[], before: string, after: string): Promise<boolean> {
    const come = changes.flatMap(({ key, text }) => (text === undefined ? [] : [key, text]));
    const gone = changes.flatMap(({ key, text }) => (text === undefined ? [key] : []));
    const ask = { operation: "push", what: "record a push" } as const;
    return this.#connection.ask(ask, async ({ redis }) => {
      await redis.watch(stateKey);
      if ((await redis.get(stateKey)) !== before) {
        await redis.unwatch();
        return false;
      }
      const turn = redis.multi().set(stateKey, after);
      if (come.length > 0) turn.hset(recordsKey, ...come);
      if (gone.length > 0) turn.hdel(recordsKey, ...gone);
      return this.#execute(() => turn.exec());
    });
  }

  async *list(): AsyncIterable<{ readonly key: string; readonly text: string }> {
    const ask = { operation: "list", what: "read what was pushed" } as const;
    const all = new Map<string, string>();
    const next = (cursor: string) =>
      this.#connection.ask(ask, ({ redis }) => redis.hscan(recordsKey, cursor, "COUNT", step));
    for await (const pairs of steps(next))
      for (let at = 0; at + 1 < pairs.length; at += 2)
        all.set(pairs[at] ?? "", pairs[at + 1] ?? "");
    const keys = [...all.keys()].sort();
    for (const key of keys) yield { key, text: all.get(key) ?? "" };
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  /** False where somebody else wrote the state meanwhile. */
  async #execute(turn: () => Promise<[error: Error | null, result: unknown][] | null>) {
    try {
      const results = await turn();
      const failed = results?.find(([error]) => error !== null)?.[0];
      if (failed) throw failed;
      return results !== null;
    } catch (error) {
      // What is refused while it is put together is not carried out at all.
      const refusal = refusalIn(error);
      if (refusal !== "OOM" && refusal !== "EXECABORT") throw error;
      const sentence = `a push cannot be recorded: ${this.where} takes no more`;
      throw storeErrorFrom(error, "FULL", sentence);
    }
  }
}

function refuseForgetful(told: Readonly<Record<string, string>>): void {
  const wrong = [];
  if (told.appendonly !== "yes") wrong.push("appendonly yes");
  if (told["maxmemory-policy"] !== "noeviction") wrong.push("maxmemory-policy noeviction");
  if (wrong.length === 0) return;
  throw new StoreError(
    "RECORDS",
    `HOSTED_HOSTS is set, and this Redis may forget what is pushed; write ${wrong.join(" and ")} in its settings, or use Postgres: RECORDS=postgres://…`,
  );
}
