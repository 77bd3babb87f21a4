/** A connection to a Redis or Valkey server: what we ask of it, and what its refusals mean. */
import type { Redis as Client } from "ioredis";
import type { ServerClient } from "../server-connection.ts";

export type RedisServer = {
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly isTls: boolean;
  /** PEM certificates to trust; left out, Node's. */
  readonly trusted?: readonly string[] | undefined;
};

/** Milliseconds. */
const longestConnecting = 900;

export class RedisClient implements ServerClient {
  readonly lost: Promise<unknown>;
  readonly redis: Client;
  /** By which the server knows the connection; undefined where it does not say. */
  readonly id: string | undefined;

  /** `before`: connections that are ended first. Throws what went wrong. */
  static async open(server: RedisServer, before: readonly RedisClient[]): Promise<RedisClient> {
    const { Redis } = await import("ioredis");
    const redis = new Redis(optionsFor(server));
    const lost = lossOf(redis);
    try {
      await redis.connect();
      for (const { id } of before) if (id !== undefined) await endConnection(redis, id);
      // A server that is still loading says so here.
      await redis.ping();
      return new RedisClient(redis, lost, await idOf(redis));
    } catch (error) {
      redis.disconnect();
      throw (await reasonIn(lost)) ?? error;
    }
  }

  private constructor(redis: Client, lost: Promise<unknown>, id: string | undefined) {
    this.redis = redis;
    this.lost = lost;
    this.id = id;
  }

  end(): void {
    this.redis.disconnect();
  }
}

function optionsFor(server: RedisServer) {
  const { host, port, user, password, database, isTls, trusted } = server;
  return {
    ...{ host, port, db: database },
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
    ...(isTls ? { tls: { servername: host, ...(trusted && { ca: [...trusted] }) } } : {}),
    ...{ lazyConnect: true, enableReadyCheck: false, disableClientInfo: true },
    protocol: 2,
    // Whoever asks is told at once, and nothing is sent twice: the connection is ours to open anew.
    ...{ enableOfflineQueue: false, autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 },
    ...{
      retryStrategy: null,
      connectTimeout: longestConnecting,
      commandTimeout: longestConnecting,
    },
  } as const;
}

/** Without a listener the first broken connection would end the process. */
function lossOf(redis: Client): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  let reason: unknown;
  redis.on("error", (error: unknown) => {
    reason ??= error;
  });
  redis.on("end", () => resolve(reason ?? new Error("the server closed the connection")));
  return promise;
}

/** What ended a connection says more than that it was closed. */
async function reasonIn(lost: Promise<unknown>): Promise<unknown> {
  return Promise.race([lost, new Promise((resolve) => setImmediate(() => resolve(undefined)))]);
}

/** Where it is not allowed, what the server read from an earlier connection it has done long since. */
async function endConnection(redis: Client, id: string): Promise<void> {
  await redis.client("KILL", "ID", id).catch(ifRefused);
}

async function idOf(redis: Client): Promise<string | undefined> {
  const id = await redis.client("ID").catch(ifRefused);
  return id === undefined ? undefined : String(id);
}

/** Undefined where the server refuses the command; throws anything else. */
export function ifRefused(error: unknown): undefined {
  if (refusalIn(error) !== undefined) return undefined;
  throw error;
}

/** Redis says why by the first word of what it answers: `OOM`, `NOPERM`, `WRONGTYPE`. */
export function refusalIn(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== "ReplyError") return undefined;
  return /^[A-Z]+/.exec(error.message)?.[0] ?? "ERR";
}

/** What a server says that has become a replica, loads its data, or wants another login. */
export function isRedisOver(error: unknown): boolean {
  return ["READONLY", "LOADING", "MASTERDOWN", "NOAUTH"].includes(refusalIn(error) ?? "");
}

/** What SCAN and its like find, step by step until the server has said it all. */
export async function* steps<Found>(
  next: (cursor: string) => Promise<readonly [cursor: string, found: Found]>,
): AsyncGenerator<Found> {
  let cursor = "0";
  do {
    const [following, found] = await next(cursor);
    yield found;
    cursor = following;
  } while (cursor !== "0");
}
