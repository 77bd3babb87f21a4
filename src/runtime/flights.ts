/** Work that several wait for and one does: it ends with the house, or with the last who waits for it. */
import { doneIn, type Span, type Tracing } from "./tracing.ts";

type Flight<T> = {
  readonly work: Promise<T>;
  readonly stop: AbortController;
  /** Those who still wait, of the ones that can leave. */
  waiters: number;
  /** Somebody joined who cannot. */
  isFirm: boolean;
  readonly span: Span | undefined;
};

/** Who follows the work, and what it is called. */
export type Followed = { readonly tracing: Tracing | undefined; readonly name: string };

export class Flights<T> {
  readonly #running = new Map<string, Flight<T>>();
  /** Those that nobody joins any more, too, until they have ended. */
  readonly #works = new Set<Promise<T>>();
  readonly #life = new AbortController();
  readonly #followed: Followed | undefined;

  constructor(followed?: Followed) {
    this.#followed = followed;
  }

  /** The work under this key that is already running, or this one, started now; it outlives whoever waits. */
  join(key: string, start: (life: AbortSignal) => Promise<T>): Promise<T> {
    const flight = this.#flight(key, start);
    flight.isFirm = true;
    return flight.work;
  }

  /** The same for who may leave: work that nobody waits for any more is aborted. */
  joinUntil(
    leaving: AbortSignal,
    key: string,
    start: (life: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const flight = this.#flight(key, start);
    flight.waiters += 1;
    const leave = (): void => {
      flight.waiters -= 1;
      if (flight.waiters > 0 || flight.isFirm) return;
      // Who comes next begins anew.
      if (this.#running.get(key) === flight) this.#running.delete(key);
      flight.stop.abort();
    };
    if (leaving.aborted) leave();
    else {
      leaving.addEventListener("abort", leave, { once: true });
      const forget = (): void => leaving.removeEventListener("abort", leave);
      flight.work.then(forget, forget);
    }
    return flight.work;
  }

  /** Aborts what is running and resolves when it has ended. */
  async close(): Promise<void> {
    this.#life.abort();
    await Promise.allSettled(this.#works);
  }

  #flight(key: string, start: (life: AbortSignal) => Promise<T>): Flight<T> {
    const running = this.#running.get(key);
    if (running !== undefined) {
      running.span?.waitedFor();
      return running;
    }
    const stop = new AbortController();
    const signal = AbortSignal.any([this.#life.signal, stop.signal]);
    const span = this.#begin();
    const begun = span === undefined ? start(signal) : doneIn(span, () => start(signal));
    const work = begun.finally(() => {
      if (this.#running.get(key) === flight) this.#running.delete(key);
      this.#works.delete(work);
    });
    this.#works.add(work);
    const flight: Flight<T> = { work, stop, waiters: 0, isFirm: false, span };
    // Its waiters are told, also of a bug; they may all have left before it fails.
    work.catch(() => undefined);
    this.#running.set(key, flight);
    return flight;
  }

  #begin(): Span | undefined {
    const { tracing, name = "" } = this.#followed ?? {};
    return tracing?.begin({ name, role: "works" });
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
