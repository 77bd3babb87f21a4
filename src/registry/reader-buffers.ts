/**
 * The memory of all bodies being sent: one buffer a reader, and 32 MiB for all of them together
 * until there are so many that each is down to the smallest.
 */

const budget = 32 * 1024 * 1024;
const smallest = 16 * 1024;
const largest = 256 * 1024;
/** Full-size buffers kept for the next reader: getting fresh pages from the system is what costs. */
const maxSpares = 16;

export class ReaderBuffers {
  #open = 0;
  readonly #spares: Buffer[] = [];

  /** Readers that have a loan now. */
  get open(): number {
    return this.#open;
  }

  /** What one reader's buffer may hold now: a power of two, so that it changes seldom. */
  get share(): number {
    const fair = budget / Math.max(1, this.#open);
    return Math.min(largest, Math.max(smallest, 2 ** Math.floor(Math.log2(fair))));
  }

  /** One reader's buffer for as long as it reads; must be given back. */
  lend(): Loan {
    this.#open += 1;
    return new Loan(
      () => this.share,
      (size) => (size === largest ? this.#spares.pop() : undefined) ?? Buffer.allocUnsafe(size),
      (buffer, isLast) => {
        if (isLast) this.#open -= 1;
        if (buffer?.length === largest && this.#spares.length < maxSpares)
          this.#spares.push(buffer);
      },
    );
  }
}

export class Loan {
  readonly #share: () => number;
  readonly #allocate: (size: number) => Buffer;
  readonly #release: (buffer: Buffer | undefined, isLast: boolean) => void;
  #buffer: Buffer | undefined;
  #isOver = false;

  constructor(
    share: () => number,
    allocate: (size: number) => Buffer,
    release: (buffer: Buffer | undefined, isLast: boolean) => void,
  ) {
    this.#share = share;
    this.#allocate = allocate;
    this.#release = release;
  }

  /** The buffer to read into when `remaining` bytes are to come; what it held before is then void. */
  buffer(remaining: number): Buffer {
    const share = this.#share();
    const wanted = Math.min(share, Math.max(1, remaining));
    const current = this.#buffer;
    if (current !== undefined && current.length <= share && current.length >= wanted)
      return current;
    if (current !== undefined) this.#release(current, false);
    const fresh = this.#allocate(wanted);
    this.#buffer = fresh;
    return fresh;
  }

  /** Idempotent. Only once nothing of the buffer is on its way to a client any more. */
  giveBack(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#release(this.#buffer, true);
    this.#buffer = undefined;
  }
}
