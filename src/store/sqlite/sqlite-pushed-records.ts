/**
 * Pushed records in a SQLite file, written by a thread of its own, since a sync takes its time and
 * nobody else should wait for it. Once the thread is gone every ask fails until the next start.
 */
import type { Worker } from "node:worker_threads";
import { startThread } from "../../runtime/carried.ts";
import type { PushedRecords, RecordChange } from "../pushed-records.ts";
import type { StoredRecord } from "../record-store.ts";
import { StoreError } from "../store-error.ts";
import type { PushedAsk, PushedAsked, PushedTold } from "./pushed-thread.ts";

type Waiting = {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
};

export class SqlitePushedRecords implements PushedRecords {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;
  #end: StoreError | undefined;

  /** Opens the file, or makes it where `mayBeNew`. Throws StoreError RECORDS with a sentence for the operator. */
  static async open(path: string, { mayBeNew = true } = {}): Promise<SqlitePushedRecords> {
    const worker = startThread(new URL("./pushed-thread.ts", import.meta.url), path);
    const records = new SqlitePushedRecords(worker);
    try {
      await records.#ask({ what: "open", mayBeNew });
      return records;
    } catch (error) {
      await records.close();
      throw error;
    }
  }

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.unref();
    worker.on("message", (told: PushedTold) => this.#hear(told));
    worker.on("error", (cause) => this.#over(`their thread failed: ${String(cause)}`, cause));
    worker.on("exit", () => this.#over("their thread ended"));
  }

  async *list(): AsyncIterable<StoredRecord> {
    let after = "";
    while (true) {
      const records = (await this.#ask({ what: "list", after })) as readonly StoredRecord[];
      yield* records;
      const last = records.at(-1);
      if (last === undefined) return;
      after = last.key;
    }
  }

  async write(changes: readonly RecordChange[]): Promise<void> {
    if (changes.length > 0) await this.#ask({ what: "write", changes });
  }

  /**
   * Writes all of it into a new file, pushes going on: everything that was written before, and maybe
   * what is written meanwhile. Throws StoreError FULL or RECORDS; then the file may be there in part.
   */
  async copyTo(path: string): Promise<void> {
    await this.#ask({ what: "copy", path });
  }

  async close(): Promise<void> {
    try {
      await this.#ask({ what: "close" });
    } catch {
      // Never open, or closed before.
    }
    this.#over("they are closed");
    await this.#worker.terminate();
  }

  #ask(ask: PushedAsk): Promise<unknown> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    this.#asked += 1;
    const asked: PushedAsked = { id: this.#asked, ask };
    this.#worker.postMessage(asked);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(asked.id, { resolve, reject });
    // The process stays as long as an answer is due, and no longer.
    if (this.#waiting.size === 1) this.#worker.ref();
    return promise;
  }

  #hear(told: PushedTold): void {
    const waiting = this.#waiting.get(told.id);
    this.#waiting.delete(told.id);
    if (this.#waiting.size === 0) this.#worker.unref();
    if ("code" in told) waiting?.reject(new StoreError(told.code, told.message));
    else waiting?.resolve(told.result);
  }

  #over(why: string, cause?: unknown): void {
    this.#end ??= new StoreError("RECORDS", `the records of pushes are away; ${why}`, { cause });
    for (const { reject } of this.#waiting.values()) reject(this.#end);
    this.#waiting.clear();
  }
}
