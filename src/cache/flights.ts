/**
 * Work that several wait for and one does. It outlives any of its waiters, and ends only by itself
 * or when everything is closed.
 */
import { UpstreamError } from "../upstream/upstream-error.ts";

export class Flights<T> {
  readonly #running = new Map<string, Promise<T>>();
  readonly #closing = new AbortController();

  /** Joins the work under this key, or starts it. Rejects with its error, or when `signal` aborts. */
  join(key: string, start: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    let work = this.#running.get(key);
    if (work === undefined) {
      const started = start(this.#closing.signal).finally(() => this.#leave(key, started));
      started.catch(() => undefined);
      this.#running.set(key, started);
      work = started;
    }
    return unlessAborted(work, signal);
  }

  running(key: string): Promise<T> | undefined {
    return this.#running.get(key);
  }

  /** Aborts everything and resolves when it has ended. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#running.values());
  }

  #leave(key: string, work: Promise<T>): void {
    if (this.#running.get(key) === work) this.#running.delete(key);
  }
}

/** The promise's outcome, unless the signal aborts first. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(abortedWait(signal));
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(abortedWait(signal));
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

function abortedWait(signal: AbortSignal): UpstreamError {
  return new UpstreamError("ABORTED", "", "the client left", { cause: signal.reason });
}
