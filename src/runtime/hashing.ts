/**
 * Hashes that go on piece by piece: here or, for long streams, on a thread of its own, so that they take
 * none of the event loop's time. The thread starts with the first long stream, and ends when there has
 * been none for a minute.
 */
import { createHash, type Hash } from "node:crypto";
import type { Worker } from "node:worker_threads";
import { startThread } from "./carried.ts";
import type { Clock } from "./clock.ts";
import type { HashAsked, HashTold, HashWork } from "./hash-thread.ts";

/** The hash of all bytes so far. It never changes: further bytes make another. Whoever has it releases it. */
export interface RunningHash {
  /** With these bytes too, which must stay as they are until it resolves. Throws when its thread has failed. */
  after(bytes: Uint8Array): Promise<RunningHash>;
  /** Throws when its thread has failed. */
  digest(): Promise<Buffer>;
  /** To be released by itself. */
  copy(): RunningHash;
  /** It is used no more. */
  release(): void;
}

/** The hash of nothing, of a stream that will be so long; undefined: nobody knows. */
export type BeginHash = (algorithm: string, size: number | undefined) => RunningHash;

/** Bytes that another thread can read where they are. */
export function sharedBytes(length: number): Buffer {
  return Buffer.from(new SharedArrayBuffer(length));
}

export const hashHere: BeginHash = (algorithm) => new HashHere(createHash(algorithm));

class HashHere implements RunningHash {
  readonly #hash: Hash;

  constructor(hash: Hash) {
    this.#hash = hash;
  }

  async after(bytes: Uint8Array): Promise<RunningHash> {
    return new HashHere(this.#hash.copy().update(bytes));
  }

  async digest(): Promise<Buffer> {
    return this.#hash.copy().digest();
  }

  copy(): RunningHash {
    return this;
  }

  release(): void {
    // Nobody else has it: it goes as all garbage goes.
  }
}

/** Shorter streams are through before a thread would have begun. */
export const longStream = 8 * 1024 * 1024;
const quiet = 60_000;

export class Hashing {
  readonly #after: Clock["after"];
  readonly #start: () => Worker;
  #thread: HashThread | undefined;
  #isUseless = false;
  #end: (() => void) | undefined;

  constructor(after: Clock["after"], start = startHashThread) {
    this.#after = after;
    this.#start = start;
  }

  readonly begin: BeginHash = (algorithm, size) => {
    if (size === undefined || size < longStream || this.#isUseless)
      return hashHere(algorithm, size);
    this.#end?.();
    this.#end = undefined;
    this.#thread ??= this.#started();
    return this.#thread?.begin(algorithm) ?? hashHere(algorithm, size);
  };

  #started(): HashThread | undefined {
    try {
      return new HashThread(this.#start(), {
        onUnused: () => this.#unused(),
        onFailed: () => this.#failed(),
      });
    } catch {
      // The system gives no thread: everything goes on here.
      this.#failed();
      return undefined;
    }
  }

  #failed(): void {
    this.#isUseless = true;
    this.#thread = undefined;
  }

  #unused(): void {
    const thread = this.#thread;
    this.#end = this.#after(quiet, () => {
      this.#thread = undefined;
      thread?.stop();
    });
  }
}

function startHashThread(): Worker {
  return startThread(new URL("./hash-thread.ts", import.meta.url));
}

type Waiting = {
  readonly resolve: (told: Uint8Array) => void;
  readonly reject: (error: Error) => void;
};

/** One life of the thread, which answers in the order in which it was asked. */
class HashThread {
  readonly #worker: Worker;
  readonly #onUnused: () => void;
  readonly #waiting: Waiting[] = [];
  /** What the thread is told of with what it is asked next: a message costs more than what is in it. */
  readonly #released: number[] = [];
  #made = 0;
  #held = 0;
  #failure: Error | undefined;
  /** Whether it has answered anything yet. */
  #works = false;
  #isStopped = false;

  constructor(
    worker: Worker,
    on: { readonly onUnused: () => void; readonly onFailed: () => void },
  ) {
    this.#worker = worker;
    this.#onUnused = on.onUnused;
    const fail = (cause?: unknown): void => {
      if (this.#isStopped) return;
      this.#failure ??= new Error("the thread that hashes has ended", { cause });
      for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
      on.onFailed();
    };
    worker.unref();
    worker.on("message", (told: HashTold) => this.#hear(told));
    worker.on("error", fail);
    worker.on("exit", fail);
  }

  /** Whether it was of no use from the beginning. */
  get neverBegan(): boolean {
    return this.#failure !== undefined && !this.#works;
  }

  begin(algorithm: string): RunningHash {
    const id = this.hold();
    this.tell({ what: "begin", to: id, algorithm });
    return new HashOnThread(this, id, algorithm);
  }

  /** A number for one hash more. */
  hold(): number {
    this.#held += 1;
    this.#made += 1;
    return this.#made;
  }

  release(id: number): void {
    this.#released.push(id);
    this.#held -= 1;
    if (this.#held > 0) return;
    this.tell({ what: "nothing" });
    this.#onUnused();
  }

  tell(work: HashWork, transfer: readonly ArrayBuffer[] = []): void {
    const asked: HashAsked = { ...work, released: this.#released.splice(0) };
    if (this.#failure === undefined) this.#worker.postMessage(asked, transfer);
  }

  async ask(work: HashWork, transfer?: readonly ArrayBuffer[]): Promise<Uint8Array> {
    if (this.#failure !== undefined) throw this.#failure;
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    this.#waiting.push({ resolve, reject });
    // The process stays as long as an answer is due, and no longer.
    if (this.#waiting.length === 1) this.#worker.ref();
    this.tell(work, transfer);
    return await promise;
  }

  stop(): void {
    this.#isStopped = true;
    void this.#worker.terminate();
  }

  #hear(told: HashTold): void {
    this.#works = true;
    const asker = this.#waiting.shift();
    if (told === undefined) asker?.reject(new Error("the hash was released"));
    else asker?.resolve(told);
    if (this.#waiting.length === 0) this.#worker.unref();
  }
}

class HashOnThread implements RunningHash {
  readonly #thread: HashThread;
  readonly #id: number;
  /** As long as it is the hash of nothing. */
  readonly #algorithm: string | undefined;
  #isReleased = false;

  constructor(thread: HashThread, id: number, algorithm?: string) {
    this.#thread = thread;
    this.#id = id;
    this.#algorithm = algorithm;
  }

  async after(bytes: Uint8Array): Promise<RunningHash> {
    const to = this.#thread.hold();
    const { buffer } = bytes;
    const sent = buffer instanceof SharedArrayBuffer ? bytes : new Uint8Array(bytes);
    const transfer = sent === bytes ? [] : [sent.buffer as ArrayBuffer];
    try {
      await this.#thread.ask({ what: "after", from: this.#id, to, bytes: sent }, transfer);
      return new HashOnThread(this.#thread, to);
    } catch (error) {
      this.#thread.release(to);
      if (this.#algorithm === undefined || !this.#thread.neverBegan) throw error;
      return await hashHere(this.#algorithm, undefined).after(bytes);
    }
  }

  async digest(): Promise<Buffer> {
    return Buffer.from(await this.#thread.ask({ what: "digest", id: this.#id }));
  }

  copy(): RunningHash {
    const to = this.#thread.hold();
    this.#thread.tell({ what: "copy", from: this.#id, to });
    return new HashOnThread(this.#thread, to, this.#algorithm);
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#thread.release(this.#id);
  }
}
