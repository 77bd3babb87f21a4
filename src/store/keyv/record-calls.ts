/**
 * One life of the thread that keeps the records (record-thread.ts): what is asked of it, and that each
 * who asked hears something, at the latest when the thread is gone.
 */
import type { Worker } from "node:worker_threads";
import { startThread } from "../../runtime/carried.ts";
import { StoreError, storeErrorFrom } from "../store-error.ts";
import type { RecordCall, SentCall, ThreadFailure, Told } from "./record-thread.ts";

export type StartThread = (path: string) => Worker;

type Waiting = {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
};

export class RecordCalls {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #gone = Promise.withResolvers<StoreError>();
  #asked = 0;
  #end: StoreError | undefined;

  /** Opens or makes the file; with `isChecked` reads all of it first. Throws StoreError RECORDS. */
  static async open(
    path: string,
    isChecked: boolean,
    start = startRecordThread,
  ): Promise<RecordCalls> {
    const calls = new RecordCalls(workerFrom(start, path));
    try {
      await calls.ask({ what: "open", isChecked });
      return calls;
    } catch (error) {
      await calls.close();
      throw error;
    }
  }

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.unref();
    worker.on("message", (told: Told) => this.#hear(told));
    worker.on("error", (cause) => this.#over(`their thread failed: ${String(cause)}`, cause));
    worker.on("exit", () => this.#gone.resolve(this.#over("their thread ended")));
  }

  /** Why the thread ended; resolves once nothing of it runs any more, so that another may take its place. */
  get gone(): Promise<StoreError> {
    return this.#gone.promise;
  }

  /** Whether nothing can be asked any more. */
  get isOver(): boolean {
    return this.#end !== undefined;
  }

  async ask(ask: RecordCall): Promise<unknown> {
    if (this.#end !== undefined) throw this.#end;
    this.#asked += 1;
    const asked: SentCall = { id: this.#asked, ask };
    this.#worker.postMessage(asked);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(asked.id, { resolve, reject });
    // The process stays as long as an answer is due, and no longer.
    if (this.#waiting.size === 1) this.#worker.ref();
    return await promise;
  }

  /** Answers what was asked before; idempotent, never rejects. */
  async close(): Promise<void> {
    try {
      await this.ask({ what: "close" });
    } catch {
      // Never open, or closed before.
    }
    this.#over("they are closed");
    await this.#worker.terminate();
  }

  #hear(told: Told): void {
    const waiting = this.#waiting.get(told.id);
    this.#waiting.delete(told.id);
    if (this.#waiting.size === 0) this.#worker.unref();
    if (!("failure" in told)) {
      waiting?.resolve(told.result);
      return;
    }
    const error = errorFrom(told.failure);
    waiting?.reject(error);
    if (told.failure.isBroken) this.#giveUp(error, told.failure.cause);
  }

  /** What reads wrongly is not to be written to: only a file opened anew, and found right, is. */
  #giveUp(error: StoreError, why: string): void {
    this.#over(`${error.message} (${why.replace(/^Error: /, "")})`, error);
    void this.#worker.terminate();
  }

  #over(why: string, cause?: unknown): StoreError {
    this.#end ??= new StoreError("RECORDS", `the records are away; ${why}`, { cause });
    for (const { reject } of this.#waiting.values()) reject(this.#end);
    this.#waiting.clear();
    return this.#end;
  }
}

function workerFrom(start: StartThread, path: string): Worker {
  try {
    return start(path);
  } catch (cause) {
    throw storeErrorFrom(cause, "RECORDS", `no thread can be started: ${String(cause)}`);
  }
}

function startRecordThread(path: string): Worker {
  return startThread(new URL("./record-thread.ts", import.meta.url), path);
}

function errorFrom({ code, message, cause }: ThreadFailure): StoreError {
  return new StoreError(code, message, { cause: new Error(cause) });
}
