/**
 * The thread in which the records live: SQLite waits for the disk where it stands, and nobody else
 * should. Started by record-calls.ts; answers one ask after the other, in their order.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { Json, StoredRecord } from "../record-store.ts";
import { StoreError, type StoreErrorCode } from "../store-error.ts";
import type { KeyvRecordStore } from "./keyv-record-store.ts";
import { isBrokenFile, openSqliteRecords } from "./sqlite-records.ts";

export type RecordCall =
  | { readonly what: "open"; readonly isChecked: boolean }
  | { readonly what: "close" }
  | { readonly what: "get" | "delete"; readonly key: string }
  | {
      readonly what: "set" | "putIfAbsent";
      readonly key: string;
      readonly value: Json;
      readonly ttl: number | undefined;
    }
  | { readonly what: "setMany"; readonly records: readonly StoredRecord[] }
  | { readonly what: "deleteMany"; readonly keys: readonly string[] }
  /** The next page of a list, to which the asker gave a number. */
  | { readonly what: "list"; readonly list: number; readonly prefix: string }
  | { readonly what: "endList"; readonly list: number };

export type SentCall = { readonly id: number; readonly ask: RecordCall };

export type ThreadFailure = {
  readonly code: StoreErrorCode;
  readonly message: string;
  readonly cause: string;
  /** The file itself fails or makes no sense: it is not to be used any further. */
  readonly isBroken: boolean;
};

export type Told =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failure: ThreadFailure };

export type RecordPage = { readonly records: readonly StoredRecord[]; readonly isLast: boolean };

const recordsPerPage = 1_000;

type Lists = Map<number, AsyncIterator<StoredRecord>>;

function serve(path: string, tell: (told: Told) => void): (asked: SentCall) => void {
  const lists: Lists = new Map();
  let store: KeyvRecordStore | undefined;
  const answer = async (ask: RecordCall): Promise<unknown> => {
    if (ask.what === "open") {
      store = await openSqliteRecords(path, { isChecked: ask.isChecked });
      return undefined;
    }
    if (store === undefined) throw new StoreError("RECORDS", "the records are not open");
    return answerFrom(store, lists, ask);
  };
  let last = Promise.resolve();
  return ({ id, ask }) => {
    last = last
      .then(() => answer(ask))
      .then((result) => tell({ id, result }))
      .catch((error: unknown) => tell({ id, failure: failureOf(error) }));
  };
}

function answerFrom(store: KeyvRecordStore, lists: Lists, ask: RecordCall): Promise<unknown> {
  switch (ask.what) {
    case "get":
      return store.get(ask.key);
    case "set":
      return store.set(ask.key, ask.value, ask.ttl);
    case "putIfAbsent":
      return store.putIfAbsent(ask.key, ask.value, ask.ttl);
    case "delete":
      return store.delete(ask.key);
    case "setMany":
      return store.setMany(ask.records);
    case "deleteMany":
      return store.deleteMany(ask.keys);
    case "list":
      return nextPage(store, lists, ask);
    case "endList":
      lists.delete(ask.list);
      return Promise.resolve();
    case "close":
      return store.close();
    case "open":
      return Promise.resolve();
  }
}

async function nextPage(
  store: KeyvRecordStore,
  lists: Lists,
  { list, prefix }: { readonly list: number; readonly prefix: string },
): Promise<RecordPage> {
  const all = lists.get(list) ?? store.list(prefix)[Symbol.asyncIterator]();
  lists.set(list, all);
  const records: StoredRecord[] = [];
  while (records.length < recordsPerPage) {
    const { done, value } = await all.next();
    if (done === true) {
      lists.delete(list);
      return { records, isLast: true };
    }
    records.push(value);
  }
  return { records, isLast: false };
}

function failureOf(error: unknown): ThreadFailure {
  const code = error instanceof StoreError ? error.code : "RECORDS";
  const message = error instanceof Error ? error.message : String(error);
  const cause = error instanceof Error && error.cause !== undefined ? String(error.cause) : "";
  return { code, message, cause, isBroken: isBrokenFile(error) };
}

const port = parentPort;
if (port !== null && typeof workerData === "string") {
  port.on(
    "message",
    serve(workerData, (told) => port.postMessage(told)),
  );
}
