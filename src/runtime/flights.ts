/** Work that several wait for and one does: it outlives any of its waiters and ends with the house. */

export class Flights<T> {
  readonly #running = new Map<string, Promise<T>>();
  readonly #life = new AbortController();

  /** The work under this key that is already running, or this one, started now. */
  join(key: string, start: (life: AbortSignal) => Promise<T>): Promise<T> {
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const work = start(this.#life.signal).finally(() => this.#running.delete(key));
    // Its waiters are told, also of a bug; they may all have left before it fails.
    work.catch(() => undefined);
    this.#running.set(key, work);
    return work;
  }

  /** Aborts what is running and resolves when it has ended. */
  async close(): Promise<void> {
    this.#life.abort();
    await Promise.allSettled(this.#running.values());
  }
}

/** The work's outcome, or the error that stands for a signal that aborts first. */
export async function unlessAborted<T>(
  work: Promise<T>,
  signal: AbortSignal,
  errorOf: (signal: AbortSignal) => Error,
): Promise<T> {
  // Whatever it comes to after the signal is nobody's any more.
  work.catch(() => undefined);
  if (signal.aborted) throw errorOf(signal);
  const ended = Promise.withResolvers<never>();
  const end = (): void => ended.reject(errorOf(signal));
  signal.addEventListener("abort", end, { once: true });
  try {
    return await Promise.race([work, ended.promise]);
  } finally {
    signal.removeEventListener("abort", end);
  }
}
