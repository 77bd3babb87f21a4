/** The thread in which the pushed records live; answers one ask after the other, in their order. */
import { parentPort, workerData } from "node:worker_threads";
import type { RecordChange } from "../pushed-records.ts";
import { StoreError, type StoreErrorCode } from "../store-error.ts";
import { PushedDatabase } from "./pushed-database.ts";

export type PushedAsk =
  | { readonly what: "open" | "close" }
  | { readonly what: "list"; readonly after: string }
  | { readonly what: "write"; readonly changes: readonly RecordChange[] };

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

  answer({ id, ask }: PushedAsked): PushedTold {
    try {
      return { id, result: this.#do(ask) };
    } catch (error) {
      const code = error instanceof StoreError ? error.code : "RECORDS";
      return { id, code, message: error instanceof Error ? error.message : String(error) };
    }
  }

  #do(ask: PushedAsk): unknown {
    if (ask.what === "open") {
      this.#database = new PushedDatabase(this.#path);
      return undefined;
    }
    if (this.#database === undefined) throw new StoreError("RECORDS", "the records are not open");
    if (ask.what === "list") return this.#database.list(ask.after);
    if (ask.what === "write") return this.#database.write(ask.changes);
    this.#database.close();
    this.#database = undefined;
    return undefined;
  }
}

const port = parentPort;
if (port !== null && typeof workerData === "string") {
  const thread = new Thread(workerData);
  port.on("message", (asked: PushedAsked) => port.postMessage(thread.answer(asked)));
}
