/**
 * One signal for two reasons to stop waiting for another machine: the caller's own signal, or too much
 * time. What either means is said by who sets it: the signal's reason is always one of its errors, to
 * be thrown as it is. Time in which this process was held up itself does not count: the answer may
 * have come long since, and nobody was there to read it.
 */
import type { Clock } from "./clock.ts";

export type TimeLimit = {
  readonly clock: Clock;
  /** Undefined is no limit. */
  readonly milliseconds: number | undefined;
};

export type DeadlineErrors = {
  /** It did not happen within so many seconds. */
  readonly late: (seconds: number) => Error;
  /** The caller's signal ended the wait. */
  readonly ended: (signal: AbortSignal) => Error;
};

export class Deadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #parent: AbortSignal;
  readonly #errors: DeadlineErrors;
  #cancel: (() => void) | undefined;

  constructor(parent: AbortSignal, { clock, milliseconds }: TimeLimit, errors: DeadlineErrors) {
    this.#parent = parent;
    this.#errors = errors;
    parent.addEventListener("abort", this.#follow, { once: true });
    if (parent.aborted) this.#follow();
    else if (milliseconds !== undefined) {
      this.#cancel = afterWaiting(clock, milliseconds, () => {
        this.#controller.abort(errors.late(Math.round(milliseconds / 100) / 10));
      });
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The time no longer counts; the caller's signal still does. */
  disarm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** Neither counts any more. */
  [Symbol.dispose](): void {
    this.disarm();
    this.#parent.removeEventListener("abort", this.#follow);
  }

  readonly #follow = (): void => {
    this.disarm();
    this.#controller.abort(this.#errors.ended(this.#parent));
  };
}

/** So often it is looked whether time went by as it should. */
const slice = 100;
/** A timer this late says that nothing could be read either. */
const heldUp = 50;

/** Calls `ring` once after so many milliseconds, unless what is returned is called before. */
export function afterWaiting(clock: Clock, milliseconds: number, ring: () => void): () => void {
  let left = milliseconds;
  let wasForgiven = false;
  let cancel = (): void => undefined;
  const goOn = (): void => {
    const from = clock.steady();
    const step = Math.min(slice, left);
    cancel = clock.after(step, () => {
      const took = clock.steady() - from;
      // What came meanwhile is read before the next slice ends; who is always late has a limit all the same.
      wasForgiven = took > step + heldUp && !wasForgiven;
      if (!wasForgiven) left -= took;
      if (left >= 1) goOn();
      else ring();
    });
  };
  goOn();
  return () => cancel();
}
