/** Where records and what was pushed here are kept: in files of the data folder, or at a server. */
import { access, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../runtime/clock.ts";
import { debtMarkIn } from "../../store/disk/debt-mark.ts";
import { ThreadedRecords } from "../../store/keyv/threaded-records.ts";
import { OwingRecords } from "../../store/owing-records.ts";
import type { PushedRecords } from "../../store/pushed-records.ts";
import type { RecordStore, StoredRecord } from "../../store/record-store.ts";
import { ServedPushedRecords } from "../../store/served-pushed-records.ts";
import { SqlitePushedRecords } from "../../store/sqlite/sqlite-pushed-records.ts";
import { StoreError } from "../../store/store-error.ts";
import { systemAuthorities } from "../../upstream/net/tls-client.ts";
import type { Log } from "../log.ts";
import { readTrusted } from "../settings/named-files.ts";
import type { RecordsPlace, SharedRecordsPlace } from "../settings/records-kinds.ts";
import type { Settings } from "../settings/settings.ts";

export type RecordsParts = {
  readonly folder: string;
  readonly place: RecordsPlace;
  readonly clock: Clock;
  readonly log: Pick<Log, "store">;
};

/** With the authorities that everything upstream is trusted by. Throws SettingsError. */
export async function placeOfRecords(settings: Settings): Promise<RecordsPlace> {
  const { place } = settings.records;
  if (place.kind === "sqlite" || !place.server.isTls) return place;
  const own = settings.upstream.ca.map((path) => readTrusted("UPSTREAM_CA", path));
  const trusted = [...systemAuthorities(), ...(await Promise.all(own))];
  return place.kind === "redis"
    ? { ...place, server: { ...place.server, trusted } }
    : { ...place, server: { ...place.server, trusted } };
}

export type OpenRecords = RecordStore & {
  readonly degraded: readonly string[];
  readonly close: () => Promise<void>;
};

/** Throws StoreError where a file cannot be opened; a server that is away is waited for later. */
export async function openRecords(parts: RecordsParts): Promise<OpenRecords> {
  const { folder, place, clock, log } = parts;
  if (place.kind === "sqlite") {
    return ThreadedRecords.open(join(folder, "records.sqlite"), { observe: log.store });
  }
  return OwingRecords.open({
    clock,
    mark: debtMarkIn(folder),
    // When a blob was used last: an older time lets it go a little too early.
    isHarmless: (key) => key.startsWith("usage/"),
    onMarkFailure: (error) => log.store({ kind: "markerFailed", error }),
    open: async (distrust) => {
      const its = { where: place.url, clock, observe: log.store };
      if (place.kind === "redis") {
        const { RedisRecords } = await import("../../store/redis/redis-records.ts");
        return RedisRecords.open({ ...its, server: place.server, distrust });
      }
      const { PostgresRecords } = await import("../../store/postgres/postgres-records.ts");
      return PostgresRecords.open({ ...its, server: place.server });
    },
  });
}

export type OpenPushed = {
  readonly records: PushedRecords;
  /** Into a new SQLite file. Throws StoreError; then the file may be there in part. */
  readonly copyTo: (path: string) => Promise<void>;
  /** Sentences for `/readyz`. */
  readonly degraded: () => readonly string[];
  /** Sentences for a start. */
  readonly warnings: readonly string[];
};

/**
 * Also where nothing is hosted any more: what was pushed stays. The folder of uploads is made after the
 * records: where it is, records that are gone or empty were lost, and all that was pushed would be
 * evicted. Undefined where nothing was ever pushed, nor may be. Throws StoreError.
 */
export async function openPushed(
  parts: RecordsParts,
  isHosting: boolean,
): Promise<OpenPushed | undefined> {
  const { folder, place } = parts;
  const mayBeNew = !(await isThere(join(folder, "uploads")));
  const path = join(folder, "hosted.sqlite");
  const isFile = await isThere(path);
  if (place.kind !== "sqlite") {
    if (!isHosting && mayBeNew && !isFile) return undefined;
    return openServed(parts, place, { mayBeNew: mayBeNew || isFile, isHosting });
  }
  if (isFile) return inFile(await SqlitePushedRecords.open(path, { mayBeNew }));
  if (!mayBeNew) {
    const sentence = `${path} is gone, and says what was pushed here; restore it from a backup, or begin anew in another DATA_DIR`;
    throw new StoreError("RECORDS", sentence);
  }
  return isHosting ? inFile(await SqlitePushedRecords.open(path)) : undefined;
}

function inFile(records: SqlitePushedRecords): OpenPushed {
  const copyTo = (path: string) => records.copyTo(path);
  return { records, copyTo, degraded: () => [], warnings: [] };
}

type ServedOptions = { readonly mayBeNew: boolean; readonly isHosting: boolean };

async function openServed(
  parts: RecordsParts,
  place: SharedRecordsPlace,
  { mayBeNew, isHosting }: ServedOptions,
): Promise<OpenPushed> {
  const table = await openTable(parts, place);
  const records = await ServedPushedRecords.open(table, { mayBeNew });
  try {
    const warnings = isHosting ? await table.warnings() : [];
    const moved = await moveFile(join(parts.folder, "hosted.sqlite"), records, place.url);
    return {
      records,
      copyTo: (path) => copyInto(path, records),
      degraded: () => records.degraded,
      warnings: [...warnings, ...moved],
    };
  } catch (error) {
    await records.close();
    throw error;
  }
}

async function openTable({ clock, log }: RecordsParts, place: SharedRecordsPlace) {
  const its = { where: place.url, clock, observe: log.store };
  if (place.kind === "redis") {
    const { RedisPushedTable } = await import("../../store/redis/redis-pushed-table.ts");
    return RedisPushedTable.open({ ...its, server: place.server });
  }
  const { PostgresPushedTable } = await import("../../store/postgres/postgres-pushed-table.ts");
  return PostgresPushedTable.open({ ...its, server: place.server });
}

async function copyInto(path: string, from: PushedRecords): Promise<void> {
  const file = await SqlitePushedRecords.open(path);
  try {
    await writeAll(file, await allOf(from));
  } finally {
    await file.close();
  }
}

/** So many records are written at a time. */
const batch = 1_000;

async function writeAll(into: PushedRecords, all: readonly StoredRecord[]): Promise<void> {
  for (let start = 0; start < all.length; start += batch) {
    await into.write(all.slice(start, start + batch));
  }
}

async function allOf(records: PushedRecords): Promise<StoredRecord[]> {
  const all: StoredRecord[] = [];
  for await (const record of records.list()) all.push(record);
  return all;
}

/**
 * What was pushed while records were files, or was restored, goes to the server; what was broken off is
 * taken up by the next start. Throws StoreError where the server has something else already.
 */
async function moveFile(
  path: string,
  into: PushedRecords,
  url: string,
): Promise<readonly string[]> {
  if (!(await isThere(path))) return [];
  const file = await SqlitePushedRecords.open(path);
  try {
    const all = await allOf(file);
    const ours = new Map(all.map(({ key, value }) => [key, JSON.stringify(value)]));
    for (const { key, value } of await allOf(into)) {
      if (ours.get(key) !== JSON.stringify(value)) throw twoOfThem(path, url);
    }
    await writeAll(into, all);
  } finally {
    await file.close();
  }
  const kept = `${path}.moved`;
  await rename(path, kept);
  return [`what was pushed here is at ${url} from now on; ${kept} is no longer needed`];
}

function twoOfThem(path: string, url: string): StoreError {
  const sentence = `${path} and ${url} both say what was pushed here, and not the same; move ${path} away to use what is at the server`;
  return new StoreError("RECORDS", sentence);
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
