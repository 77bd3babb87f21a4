/** The thread in which the pushed records live; answers one ask after the other, copies beside them. */
import { parentPort, workerData } from "node:worker_threads";
import type { RecordChange } from "../pushed-records.ts";
import { StoreError, type StoreErrorCode } from "../store-error.ts";
import { PushedDatabase } from "./pushed-database.ts";

export type PushedAsk =
  | { readonly what: "open"; readonly mayBeNew: boolean }
  | { readonly what: "close" }
  | { readonly what: "list"; readonly after: string }
  | { readonly what: "write"; readonly changes: readonly RecordChange[] }
  | { readonly what: "copy"; readonly path: string };

export type PushedAsked = { readonly id: number; readonly ask: PushedAsk };

export type PushedTold =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly code: StoreErrorCode; readonly message: string };

class Thread {
  readonly #path: string;
  #database: PushedDatabase | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async answer({ id, ask }: PushedAsked): Promise<PushedTold> {
    try {
      return { id, result: await this.#do(ask) };
    } catch (error) {
      const code = error instanceof StoreError ? error.code : "RECORDS";
      return { id, code, message: error instanceof Error ? error.message : String(error) };
    }
  }

  /** All but a copy is done in the tick of the call. */
  #do(ask: PushedAsk): unknown {
    if (ask.what === "open") {
      this.#database = new PushedDatabase(this.#path, ask.mayBeNew);
      return undefined;
    }
    if (this.#database === undefined) throw new StoreError("RECORDS", "the records are not open");
    if (ask.what === "list") return this.#database.list(ask.after);
    if (ask.what === "write") return this.#database.write(ask.changes);
    if (ask.what === "copy") return this.#database.copyTo(ask.path);
    this.#database.close();
    this.#database = undefined;
    return undefined;
  }
}

const port = parentPort;
if (port !== null && typeof workerData === "string") {
  const thread = new Thread(workerData);
  port.on("message", (asked: PushedAsked) => {
    // It never rejects.
    void thread.answer(asked).then((told) => port.postMessage(told));
  });
}
