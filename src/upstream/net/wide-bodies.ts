/**
 * Which bodies have large pieces: those that come fast, so many at a time. Handing a piece to a thread that writes or
 * hashes it costs the same however large it is, and for who is slow it would only wait for its bytes.
 */
const most = 8;

export class WideBodies {
  #count = 0;

  /** Whether there is room for one more, which then has to leave. */
  enter(): boolean {
    if (this.#count >= most) return false;
    this.#count += 1;
    return true;
  }

  leave(): void {
    this.#count -= 1;
  }
}
