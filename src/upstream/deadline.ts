/**
 * One signal for two reasons to stop waiting: the caller's own signal, or too much time. Its reason is
 * always an UpstreamError, so whoever waits on it may throw the reason as it is.
 */
import { UpstreamError } from "./upstream-error.ts";
import { afterWaiting } from "./waiting-time.ts";

export class Deadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #parent: AbortSignal;
  readonly #host: string;
  #cancel: (() => void) | undefined;

  /** `what` says what did not happen in time, as in "registry.lan did not answer"; undefined is no limit. */
  constructor(parent: AbortSignal, host: string, milliseconds: number | undefined, what: string) {
    this.#parent = parent;
    this.#host = host;
    parent.addEventListener("abort", this.#follow, { once: true });
    if (parent.aborted) this.#follow();
    else if (milliseconds !== undefined) {
      this.#cancel = afterWaiting(milliseconds, () => {
        const seconds = Math.round(milliseconds / 100) / 10;
        this.#controller.abort(new UpstreamError("TIMEOUT", host, `${what} within ${seconds} s`));
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
    this.#controller.abort(abortedError(this.#host, this.#parent));
  };
}

/** What a caller who ended the wait himself gets; a reason that already says more is kept. */
export function abortedError(host: string, signal: AbortSignal): UpstreamError {
  if (signal.reason instanceof UpstreamError) return signal.reason;
  return new UpstreamError("ABORTED", host, "the wait was ended by the one who asked", {
    cause: signal.reason,
  });
}
