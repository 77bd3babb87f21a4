/**
 * Records in a SQLite file that a thread of its own reads and writes (record-thread.ts): whatever the
 * disk does, nothing here waits for it but who asked.
 */
import { Worker } from "node:worker_threads";
import type { Json, RecordStore, StoredRecord } from "../record-store.ts";
import { StoreError } from "../store-error.ts";
import type { Ask, Asked, Failure, Page, Told } from "./record-thread.ts";

type Waiting = {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
};

export class ThreadedRecords implements RecordStore {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;
  #end: StoreError | undefined;

  /** Opens or makes the file. Throws StoreError RECORDS. */
  static async open(path: string): Promise<ThreadedRecords> {
    const records = new ThreadedRecords(path);
    try {
      await records.#ask({ what: "open" });
      return records;
    } catch (error) {
      await records.close();
      throw error;
    }
  }

  private constructor(path: string) {
    const main = import.meta.filename.replace("threaded-records", "record-thread");
    this.#worker = new Worker(main, { workerData: path, env: {}, execArgv: [] });
    this.#worker.unref();
    this.#worker.on("message", (told: Told) => this.#hear(told));
    this.#worker.on("error", (error) => this.#over("the thread of the records failed", error));
    this.#worker.on("exit", () => this.#over("the records are closed"));
  }

  async get(key: string): Promise<Json | undefined> {
    return (await this.#ask({ what: "get", key })) as Json | undefined;
  }

  async set(key: string, value: Json, ttl?: number): Promise<void> {
    await this.#ask({ what: "set", key, value, ttl });
  }

  async delete(key: string): Promise<void> {
    await this.#ask({ what: "delete", key });
  }

  async setMany(records: readonly StoredRecord[]): Promise<void> {
    await this.#ask({ what: "setMany", records });
  }

  async deleteMany(keys: readonly string[]): Promise<void> {
    await this.#ask({ what: "deleteMany", keys });
  }

  async putIfAbsent(key: string, value: Json, ttl?: number): Promise<boolean> {
    return (await this.#ask({ what: "putIfAbsent", key, value, ttl })) === true;
  }

  async *list(prefix: string): AsyncIterable<StoredRecord> {
    this.#asked += 1;
    const list = this.#asked;
    let isMore = true;
    try {
      while (isMore) {
        const { records, isLast } = (await this.#ask({ what: "list", list, prefix })) as Page;
        isMore = !isLast;
        yield* records;
      }
    } finally {
      if (isMore && this.#end === undefined)
        this.#ask({ what: "endList", list }).catch(() => undefined);
    }
  }

  /** Idempotent; never rejects. */
  async close(): Promise<void> {
    try {
      await this.#ask({ what: "close" });
    } catch {
      // Never open, or closed before.
    }
    this.#over("the records are closed");
    await this.#worker.terminate();
  }

  async #ask(ask: Ask): Promise<unknown> {
    if (this.#end !== undefined) throw this.#end;
    this.#asked += 1;
    const asked: Asked = { id: this.#asked, ask };
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(asked.id, { resolve, reject });
    // The process stays as long as an answer is due, and no longer.
    if (this.#waiting.size === 1) this.#worker.ref();
    this.#worker.postMessage(asked);
    return await promise;
  }

  #hear(told: Told): void {
    const waiting = this.#waiting.get(told.id);
    this.#waiting.delete(told.id);
    if (this.#waiting.size === 0) this.#worker.unref();
    if ("failure" in told) waiting?.reject(errorFrom(told.failure));
    else waiting?.resolve(told.result);
  }

  #over(why: string, cause?: unknown): void {
    this.#end ??= new StoreError("RECORDS", why, { cause });
    for (const { reject } of this.#waiting.values()) reject(this.#end);
    this.#waiting.clear();
  }
}

function errorFrom({ code, message, cause }: Failure): StoreError {
  return new StoreError(code, message, { cause: new Error(cause) });
}
