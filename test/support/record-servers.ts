/** Redis and PostgreSQL as tests have them: a folder of their own, a port of their own, no company. */
import { execFile } from "node:child_process";
import { chown, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import pg from "pg";
import { afterAll, onTestFinished } from "vitest";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import { ServerProcess } from "./server-process.ts";
import { temporaryFolder } from "./temp-folder.ts";

const run = promisify(execFile);

const ofTheFile: ServerProcess[] = [];

afterAll(async () => {
  for (const process of ofTheFile.splice(0)) await process.kill();
});

function killAtEnd(process: ServerProcess): void {
  try {
    onTestFinished(() => process.kill());
  } catch {
    // Vitest throws when no test is running, as in beforeAll.
    ofTheFile.push(process);
  }
}

export type RecordServer = {
  readonly port: number;
  readonly process: ServerProcess;
  /** Starts it and waits until it answers. */
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
  /** With everything it had gone, and started again. */
  readonly startEmpty: () => Promise<void>;
};

export type RedisOptions = { readonly args?: readonly string[]; readonly password?: string };

export async function redisServer(options: RedisOptions = {}) {
  const [folder, port] = [await temporaryFolder(), await freePort()];
  const own = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
  const process = new ServerProcess({
    command: "redis-server",
    args: [...own, ...(options.args ?? [])],
  });
  const asOperator = async <Result>(work: (redis: Redis) => Promise<Result>): Promise<Result> => {
    const patience = { commandTimeout: 2_000, enableReadyCheck: false };
    const redis = new Redis({
      port,
      ...options,
      ...patience,
      lazyConnect: true,
      retryStrategy: null,
    });
    redis.on("error", () => undefined);
    try {
      await redis.connect();
      return await work(redis);
    } finally {
      redis.disconnect();
    }
  };
  const start = async (): Promise<void> => {
    process.start();
    await eventually(() => asOperator((redis) => redis.ping()));
  };
  const startEmpty = async (): Promise<void> => {
    await process.kill();
    for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true });
    await start();
  };
  killAtEnd(process);
  const stop = () => process.kill();
  return { folder, port, process, start, stop, startEmpty, asOperator };
}

/** PostgreSQL does not run as root. */
async function unprivileged(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const id = async (flag: string) => Number((await run("id", [flag, "postgres"])).stdout);
  return { uid: await id("-u"), gid: await id("-g") };
}

async function programs(): Promise<string> {
  const versions = await readdir("/usr/lib/postgresql");
  return join("/usr/lib/postgresql", versions.sort().at(-1) ?? "", "bin");
}

export type PostgresOptions = { readonly settings?: Readonly<Record<string, string>> };

export async function postgresServer(options: PostgresOptions = {}) {
  const [folder, port] = [await temporaryFolder(), await freePort()];
  const [bin, user] = [await programs(), await unprivileged()];
  const data = join(folder, "data");
  const make = async (): Promise<void> => {
    await rm(data, { recursive: true, force: true });
    await mkdir(data, { mode: 0o700 });
    if (user !== undefined)
      for (const each of [folder, data]) await chown(each, user.uid, user.gid);
    const args = ["-D", data, "-U", "entrepot", "--auth=trust", "--no-sync", "-E", "UTF8"];
    await run(join(bin, "initdb"), [...args, "--locale=C.UTF-8"], { ...user, cwd: folder });
  };
  const settings = {
    ...{ listen_addresses: "127.0.0.1", unix_socket_directories: "", shared_buffers: "16MB" },
    ...options.settings,
  };
  const set = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const command = join(bin, "postgres");
  const args = ["-D", data, "-p", String(port), ...set];
  const process = new ServerProcess({ command, args, user });
  const asOperator = async <Result>(work: (client: pg.Client) => Promise<Result>) => {
    const client = new pg.Client({
      ...{ host: "127.0.0.1", port, user: "entrepot", database: "postgres" },
      // One that is killed as it takes a connection never says so.
      connectionTimeoutMillis: 5_000,
    });
    client.on("error", () => undefined);
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  };
  const start = async (): Promise<void> => {
    process.start();
    await eventually(() => asOperator((client) => client.query("SELECT 1"))).catch((cause) => {
      throw new Error(process.output, { cause });
    });
  };
  const startEmpty = async (): Promise<void> => {
    await process.kill();
    await make();
    await start();
  };
  killAtEnd(process);
  await make();
  const stop = () => process.kill();
  const write = async (name: string, text: string): Promise<void> => {
    await writeFile(join(data, name), text, { mode: 0o600 });
    if (user !== undefined) await chown(join(data, name), user.uid, user.gid);
  };
  return { folder, data, write, port, process, start, stop, startEmpty, asOperator };
}
