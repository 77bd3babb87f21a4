/**
 * Records in a SQLite file that a thread of its own reads and writes: whatever the disk does, nothing
 * here waits for it but who asked. A thread that dies is followed by another, never by two at a time;
 * until then every ask fails.
 */
import { type Clock, systemClock } from "../../runtime/clock.ts";
import type { Json, RecordStore, StoredRecord } from "../record-store.ts";
import type { StoreError } from "../store-error.ts";
import type { ObserveStore } from "../store-event.ts";
import { RecordCalls, type StartThread } from "./record-calls.ts";
import type { RecordCall, RecordPage } from "./record-thread.ts";

export type ThreadedRecordsOptions = {
  readonly observe?: ObserveStore;
  readonly clock?: Pick<Clock, "steady" | "after">;
  readonly startThread?: StartThread;
};

/** Milliseconds until a new thread is tried, doubled with every one that does not last. */
const shortestPause = 1_000;
const longestPause = 30_000;

export class ThreadedRecords implements RecordStore {
  readonly #path: string;
  readonly #options: ThreadedRecordsOptions;
  readonly #clock: Pick<Clock, "steady" | "after">;
  #calls: RecordCalls;
  #since: number;
  /** Why they are away, and since when. */
  #lost: { readonly error: StoreError; readonly since: number } | undefined;
  #pause = shortestPause;
  #lists = 0;
  #isClosed = false;
  #cancelReturn: (() => void) | undefined;
  #returning: Promise<void> = Promise.resolve();

  /** Opens or makes the file. Throws StoreError RECORDS: what cannot be opened at first is not tried again. */
  static async open(path: string, options: ThreadedRecordsOptions = {}): Promise<ThreadedRecords> {
    const calls = await RecordCalls.open(path, false, options.startThread);
    return new ThreadedRecords(path, options, calls);
  }

  private constructor(path: string, options: ThreadedRecordsOptions, calls: RecordCalls) {
    this.#path = path;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#since = this.#clock.steady();
    this.#calls = calls;
    this.#watch(calls);
  }

  /** Sentences for `/readyz`; none while all is well. */
  get degraded(): readonly string[] {
    if (this.#lost === undefined) return [];
    return [`${this.#lost.error.message}; pulls go on without what was remembered`];
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
    // A thread that takes this one's place knows nothing of the pages read before: the list fails then.
    const calls = this.#calls;
    this.#lists += 1;
    const list = this.#lists;
    let isMore = true;
    try {
      while (isMore) {
        const { records, isLast } = (await calls.ask({ what: "list", list, prefix })) as RecordPage;
        isMore = !isLast;
        yield* records;
      }
    } finally {
      if (isMore && !calls.isOver) calls.ask({ what: "endList", list }).catch(() => undefined);
    }
  }

  /** Idempotent; never rejects. Afterwards no thread has the file open. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelReturn?.();
    await this.#returning;
    await this.#calls.close();
  }

  async #ask(ask: RecordCall): Promise<unknown> {
    return await this.#calls.ask(ask);
  }

  #watch(calls: RecordCalls): void {
    void calls.gone.then((error) => {
      const hasLasted = this.#clock.steady() - this.#since >= longestPause;
      if (hasLasted) this.#pause = shortestPause;
      if (!this.#isClosed) this.#planReturn(error);
    });
  }

  #planReturn(error: StoreError): void {
    this.#lost = { error, since: this.#lost?.since ?? this.#clock.steady() };
    const retryIn = this.#pause;
    this.#pause = Math.min(2 * retryIn, longestPause);
    this.#options.observe?.({ kind: "recordsLost", error, retryIn });
    this.#cancelReturn = this.#clock.after(retryIn, () => {
      this.#returning = this.#return();
    });
  }

  async #return(): Promise<void> {
    try {
      const calls = await RecordCalls.open(this.#path, true, this.#options.startThread);
      this.#calls = calls;
      this.#since = this.#clock.steady();
      const milliseconds = Math.round(this.#since - (this.#lost?.since ?? this.#since));
      this.#lost = undefined;
      this.#watch(calls);
      this.#options.observe?.({ kind: "recordsBack", milliseconds });
    } catch (error) {
      // RecordCalls.open throws nothing else.
      if (!this.#isClosed) this.#planReturn(error as StoreError);
    }
  }
}
