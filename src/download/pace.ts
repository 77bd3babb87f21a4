/** How fast bytes came in the last second. */
import type { Clock } from "../runtime/clock.ts";

const second = 1_000;
const slot = 100;
/** At first it is not less than this: the first bytes say little of those after them. */
const assumed = 1024 * 1024;
const atFirst = 250;

export class Pace {
  readonly #steady: Clock["steady"];
  /** Bytes by tenth of a second, the oldest first. */
  readonly #slots: { readonly at: number; bytes: number }[] = [];
  #since: number | undefined;

  constructor({ steady }: Pick<Clock, "steady">) {
    this.#steady = steady;
  }

  add(bytes: number): void {
    const now = this.#steady();
    this.#since ??= now;
    const last = this.#slots.at(-1);
    if (last !== undefined && now - last.at < slot) last.bytes += bytes;
    else this.#slots.push({ at: now, bytes });
    this.#forget(now);
  }

  /** Bytes a second. */
  get rate(): number {
    if (this.#since === undefined) return assumed;
    const now = this.#steady();
    this.#forget(now);
    const elapsed = Math.min(second, Math.max(slot, now - this.#since));
    const rate = (this.#slots.reduce((sum, { bytes }) => sum + bytes, 0) * second) / elapsed;
    return elapsed < atFirst ? Math.max(assumed, rate) : rate;
  }

  #forget(now: number): void {
    while (now - (this.#slots[0]?.at ?? now) > second) this.#slots.shift();
  }
}
