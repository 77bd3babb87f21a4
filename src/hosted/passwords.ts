/** Asks the thread that checks passwords, which starts with the first question and serves a short queue. */
import type { Worker } from "node:worker_threads";
import { headerList } from "../protocol/http/header-list.ts";
import { RegistryError } from "../protocol/registry-error.ts";
import { startThread } from "../runtime/carried.ts";
import type { PasswordHash } from "./htpasswd.ts";
import type { PasswordAsked, PasswordTold } from "./password-thread.ts";

type Waiting = {
  readonly resolve: (isRight: boolean) => void;
  readonly reject: (error: Error) => void;
};

const mostWaiting = 32;

export class Passwords {
  #worker: Worker | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;

  /** Throws RegistryError TOOMANYREQUESTS when too many wait already. */
  isRight(password: string, hash: PasswordHash): Promise<boolean> {
    if (this.#waiting.size >= mostWaiting) return Promise.reject(busy());
    this.#asked += 1;
    const asked: PasswordAsked = { id: this.#asked, password, hash };
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    this.#waiting.set(asked.id, { resolve, reject });
    const worker = this.#started();
    worker.ref();
    worker.postMessage(asked);
    return promise;
  }

  /** Idempotent; never rejects. */
  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #started(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = startThread(new URL("./password-thread.ts", import.meta.url));
    worker.on("message", ({ id, isRight }: PasswordTold) => {
      this.#waiting.get(id)?.resolve(isRight);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) worker.unref();
    });
    worker.on("error", (cause) => this.#over(new Error("the password thread failed", { cause })));
    worker.on("exit", () => this.#over(new Error("the thread that checks passwords ended")));
    this.#worker = worker;
    return worker;
  }

  /** The next question starts another. */
  #over(error: Error): void {
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

function busy(): RegistryError {
  return new RegistryError("TOOMANYREQUESTS", "too many logins at once; try again in a moment", {
    headers: headerList({ "retry-after": "2" }),
  });
}
