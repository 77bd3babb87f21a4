/**
 * Which bodies have large pieces: those that come fast, so many at a time. Handing a piece to a thread that writes or
 * hashes it costs the same however large it is, and for who is slow it would only wait for its bytes. The next body
 * has the pieces of the last: what a thread was shown stays in memory until that thread looks for garbage, which one
 * with next to none does seldom.
 */
import type { Clock } from "../../runtime/clock.ts";
import { sharedBytes } from "../../runtime/hashing.ts";

const most = 8;
/** Of each such piece. */
export const pieceBytes = 1024 * 1024;
/**
 * Of all such bodies in one turn of the event loop: what comes as fast as it is read would go on until a piece is
 * full, and small answers to others wait for that.
 */
const perTurn = 512 * 1024;
/** Of each body: one is written, one waits, one is filled. */
const mostSpare = 3 * most;
/** Milliseconds for which pieces that nobody uses stay. */
const quiet = 10_000;

export class WideBodies {
  readonly #after: Clock["after"];
  #count = 0;
  /** Who takes bytes in this turn, and who did in the last one. */
  #takers = 0;
  #takersBefore = 0;
  readonly #spares: Buffer[] = [];
  #cancel: (() => void) | undefined;

  constructor(after: Clock["after"]) {
    this.#after = after;
  }

  /** Whether there is room for one more, which then has to leave. */
  enter(): boolean {
    if (this.#count >= most) return false;
    this.#count += 1;
    return true;
  }

  leave(): void {
    this.#count -= 1;
  }

  /** Called by each body once in a turn in which it takes bytes: who takes none leaves its share to the others. */
  takesPart(): void {
    if (this.#takers === 0) setImmediate(() => this.#turnOver());
    this.#takers += 1;
  }

  /** Bytes that each who takes part may take in a turn. */
  get share(): number {
    return perTurn / Math.max(1, this.#takers, this.#takersBefore);
  }

  #turnOver(): void {
    this.#takersBefore = this.#takers;
    this.#takers = 0;
  }

  take(): Buffer {
    return this.#spares.pop() ?? sharedBytes(pieceBytes);
  }

  /** Takes a piece back in which nobody reads or writes any more; false where it is none. */
  putBack(piece: Uint8Array): boolean {
    if (piece.buffer.byteLength !== pieceBytes) return false;
    if (this.#spares.length < mostSpare) this.#spares.push(Buffer.from(piece.buffer));
    this.#cancel?.();
    this.#cancel = this.#after(quiet, () => {
      this.#cancel = undefined;
      this.#spares.length = 0;
    });
    return true;
  }
}
