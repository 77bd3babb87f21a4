/**
 * One signal for two reasons to stop waiting: the caller's own signal, or too much time. What either
 * means is said by who sets it: the signal's reason is always one of its errors, to be thrown as it is.
 */
import { afterWaiting } from "./waiting-time.ts";

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

  /** Undefined is no limit. */
  constructor(parent: AbortSignal, milliseconds: number | undefined, errors: DeadlineErrors) {
    this.#parent = parent;
    this.#errors = errors;
    parent.addEventListener("abort", this.#follow, { once: true });
    if (parent.aborted) this.#follow();
    else if (milliseconds !== undefined) {
      this.#cancel = afterWaiting(milliseconds, () => {
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
