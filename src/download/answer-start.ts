/**
 * When the answers of a download may begin: with the first byte that may go out, or a while after
 * the upstream's headers, so that no client takes us for dead.
 */
import { type HeaderList, headerValue } from "../protocol/http/header-list.ts";
import type { Clock } from "../runtime/clock.ts";

const patience = 5_000;

export class AnswerStart {
  readonly #clock: Clock;
  readonly #wake: () => void;
  #mediaType: string | undefined;
  #isOpen = false;
  #isDue = false;
  #cancel: (() => void) | undefined;

  /** `wake` is called when answers may begin that might not before. */
  constructor(clock: Clock, wake: () => void) {
    this.#clock = clock;
    this.#wake = wake;
  }

  /** Whether the upstream's headers are there; before that there is nothing to begin with. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** As the upstream names it. */
  get mediaType(): string | undefined {
    return this.#mediaType;
  }

  /** The upstream's headers are there; its first are the answer's. */
  open(headers: HeaderList): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#mediaType = headerValue(headers, "content-type");
    this.#cancel = this.#clock.after(patience, () => {
      this.#isDue = true;
      this.#wake();
    });
    this.#wake();
  }

  /** Whether an answer may begin that has a byte to send, or none yet. */
  mayBegin(hasByte: boolean): boolean {
    return this.#isOpen && (hasByte || this.#isDue);
  }

  stop(): void {
    this.#cancel?.();
  }
}
