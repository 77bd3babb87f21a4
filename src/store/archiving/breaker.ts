/** Leaves alone for a while what failed five times in a row; one call at a time finds out whether it is back. */

const most = 5;
/** Milliseconds that it is left alone. */
export const rest = 10_000;

export class Breaker {
  #failures = 0;
  #restsUntil = 0;

  get isOpen(): boolean {
    return this.#failures >= most;
  }

  /** Whether this call may find out how it is; then the others may not for as long. */
  mayCall(now: number): boolean {
    if (!this.isOpen) return true;
    if (now < this.#restsUntil) return false;
    this.#restsUntil = now + rest;
    return true;
  }

  worked(): void {
    this.#failures = 0;
  }

  failed(now: number): void {
    this.#failures += 1;
    if (this.isOpen) this.#restsUntil = now + rest;
  }
}
