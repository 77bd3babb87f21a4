/** Where records are kept, as RECORDS says it. */
import type { PostgresServer } from "../../store/postgres/postgres-client.ts";
import type { RedisServer } from "../../store/redis/redis-client.ts";
import { type Kind, WrongValue } from "./kind.ts";

/** `url` is without any login. */
export type SharedRecordsPlace =
  | { readonly kind: "redis"; readonly url: string; readonly server: RedisServer }
  | { readonly kind: "postgres"; readonly url: string; readonly server: PostgresServer };

export type RecordsPlace = { readonly kind: "sqlite" } | SharedRecordsPlace;

const examples = "sqlite:, redis://:password@host:6379/0 or postgres://user:password@host:5432/db";

export const recordsPlace: Kind<RecordsPlace> = {
  word: "place",
  hint: examples,
  parse: (raw) => {
    const text = typeof raw === "string" ? raw.trim() : "";
    if (/^sqlite:?$/i.test(text)) return { kind: "sqlite" };
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const scheme = url?.protocol.slice(0, -1) ?? "";
    if (url === undefined || url.hostname === "") throw new WrongValue("is no such place");
    if (scheme === "redis" || scheme === "rediss") return redisAt(url, scheme === "rediss");
    if (scheme === "postgres" || scheme === "postgresql") return postgresAt(url);
    throw new WrongValue("is no such place");
  },
};

function redisAt(url: URL, isTls: boolean): RecordsPlace {
  refuseFields(url, []);
  const database = Number(/^\/?(\d{0,4})$/.exec(url.pathname)?.[1] ?? Number.NaN);
  if (Number.isNaN(database)) {
    throw new WrongValue("has no number of a database behind the port", "one, such as /0");
  }
  const port = Number(url.port || 6_379);
  const server = { ...loginIn(url), host: hostIn(url), port, database, isTls };
  const scheme = isTls ? "rediss" : "redis";
  return { kind: "redis", url: `${scheme}://${url.hostname}:${port}/${database}`, server };
}

/** TLS by PostgreSQL's own word for it; who wants it has the certificate verified. */
function postgresAt(url: URL): RecordsPlace {
  refuseFields(url, ["sslmode"]);
  const mode = url.searchParams.get("sslmode") ?? "disable";
  if (!["disable", "require", "verify-ca", "verify-full"].includes(mode)) {
    throw new WrongValue("has an unknown sslmode", "sslmode=verify-full or disable");
  }
  const database = decoded(url.pathname.slice(1));
  if (database === "" || database.includes("/")) {
    throw new WrongValue("names no database", "one behind the host, such as /entrepot");
  }
  const port = Number(url.port || 5_432);
  const server = { ...loginIn(url), host: hostIn(url), port, database, isTls: mode !== "disable" };
  const query = mode === "disable" ? "" : `?sslmode=${mode}`;
  const at = `postgres://${url.hostname}:${port}${url.pathname}${query}`;
  return { kind: "postgres", url: at, server };
}

function refuseFields(url: URL, known: readonly string[]): void {
  const others = [...url.searchParams.keys()].filter((name) => !known.includes(name));
  if (others.length === 0 && url.hash === "") return;
  // What follows a # or ? that belongs to a password is not to be shown.
  throw new WrongValue("has more behind the database than it may", "%23 for # and %3F for ?");
}

function loginIn(url: URL): { user: string | undefined; password: string | undefined } {
  return { user: decoded(url.username) || undefined, password: decoded(url.password) || undefined };
}

/** Of an IPv6 address without its brackets. */
function hostIn({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}

function decoded(text: string): string {
  const plain = percentDecoded(text);
  if (plain === undefined) throw new WrongValue("has a % that stands for nothing", "%25 for %");
  return plain;
}

function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
