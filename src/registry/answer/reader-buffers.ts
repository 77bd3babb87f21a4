/**
 * The memory of all bodies being sent: one buffer a reader, and 32 MiB for all of them together
 * until there are so many that each is down to the smallest.
 *
 * Fresh pages are what costs, and pages once taken are slow to go back to the system: so a crowd
 * that comes in one moment shares out what the first of them give up, cut into halves.
 */

const budget = 32 * 1024 * 1024;
const smallest = 16 * 1024;
const largest = 256 * 1024;
/** For who is fast; they share a quarter of the budget, so that few who then stop take no other's room. */
const widest = 2 * 1024 * 1024;
const budgetOfWide = budget / 4;
/** Bytes kept for the next readers, when there is no crowd. */
const mostSpare = 16 * largest;

export class ReaderBuffers {
  #open = 0;
  #lent = 0;
  /** Of that, in buffers larger than anybody's. */
  #lentWide = 0;
  /** Bytes in spare buffers, less the wide ones, of which there is one of a size at most. */
  #spare = 0;
  /** By size, the smallest first. */
  readonly #spares: ReadonlyMap<number, Buffer[]>;

  constructor() {
    const spares = new Map<number, Buffer[]>();
    for (let size = smallest; size <= widest; size *= 2) spares.set(size, []);
    this.#spares = spares;
  }

  /** Readers that have a loan now. */
  get open(): number {
    return this.#open;
  }

  /** Bytes they have in their hands; whoever reads less than the smallest buffer is not counted. */
  get lent(): number {
    return this.#lent;
  }

  /** What one reader's buffer may hold now: a power of two, so that it changes seldom. */
  get share(): number {
    return Math.min(largest, Math.max(smallest, this.#fair(budget)));
  }

  /** The same for who takes it as fast as it is read. */
  get wideShare(): number {
    return Math.min(widest, Math.max(this.share, this.#fair(budgetOfWide)));
  }

  /** One reader's buffer for as long as it reads; must be given back. */
  lend(): Loan {
    this.#open += 1;
    return new Loan({
      share: (isWide) => (isWide ? this.wideShare : this.share),
      take: (wanted) => this.#take(wanted),
      putBack: (buffer) => this.#putBack(buffer),
      end: () => {
        this.#open -= 1;
      },
    });
  }

  #fair(room: number): number {
    return 2 ** Math.floor(Math.log2(room / Math.max(1, this.#open)));
  }

  /** Smaller than wanted while others still have more than their share. */
  #take(wanted: number): Buffer {
    if (wanted < smallest) return Buffer.allocUnsafe(wanted);
    let size = smallest;
    while (size < wanted && size * 2 <= this.#room(size * 2)) size *= 2;
    this.#lend(size);
    return this.#takeSpare(size) ?? Buffer.allocUnsafeSlow(size);
  }

  #room(size: number): number {
    const room = budget - this.#lent;
    return size > largest ? Math.min(room, budgetOfWide - this.#lentWide) : room;
  }

  #lend(bytes: number): void {
    this.#lent += bytes;
    if (Math.abs(bytes) > largest) this.#lentWide += bytes;
  }

  #putBack(buffer: Buffer): void {
    if (!this.#spares.has(buffer.length)) return;
    this.#lend(-buffer.length);
    this.#keepSpare(buffer);
    // In a crowd others are about to ask for what the first give up.
    this.#trim(Math.max(mostSpare, this.#isCrowded ? budget - this.#lent : 0));
  }

  #keepSpare(buffer: Buffer): void {
    const those = this.#spares.get(buffer.length);
    if (buffer.length <= largest) this.#spare += buffer.length;
    else if (those?.length !== 0) return;
    those?.push(buffer);
  }

  /** Drops the small ones first, for they are cut from large ones, which are never whole again. */
  #trim(most: number): void {
    for (const [size, those] of this.#spares) {
      if (size > largest) return;
      while (this.#spare > most && those.pop() !== undefined) this.#spare -= size;
    }
  }

  get #isCrowded(): boolean {
    return this.share < largest;
  }

  /** One of this size, or half of a larger one; only a crowd makes it worth while to cut those up. */
  #takeSpare(size: number): Buffer | undefined {
    const spare = this.#spares.get(size)?.pop();
    if (spare !== undefined) {
      if (size <= largest) this.#spare -= size;
      return spare;
    }
    if (size >= largest || !this.#isCrowded) return undefined;
    const larger = this.#takeSpare(size * 2);
    if (larger === undefined) return undefined;
    this.#keepSpare(larger.subarray(size));
    return larger.subarray(0, size);
  }
}

type Lender = {
  readonly share: (isWide: boolean) => number;
  readonly take: (wanted: number) => Buffer;
  readonly putBack: (buffer: Buffer) => void;
  readonly end: () => void;
};

export class Loan {
  readonly #lender: Lender;
  #buffer: Buffer | undefined;
  #isOver = false;

  constructor(lender: Lender) {
    this.#lender = lender;
  }

  /**
   * The buffer to read into when `remaining` bytes are to come; what it held before is then void. A
   * wide one is for who is fast.
   */
  buffer(remaining: number, isWide = false): Buffer {
    const share = this.#lender.share(isWide);
    const wanted = Math.min(share, Math.max(1, remaining));
    const current = this.#buffer;
    if (current !== undefined && current.length <= share && current.length >= wanted)
      return current;
    if (current !== undefined) this.#lender.putBack(current);
    const fresh = this.#lender.take(wanted);
    this.#buffer = fresh;
    return fresh;
  }

  /** Idempotent. Only once nothing of the buffer is on its way to a client any more. */
  giveBack(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#buffer !== undefined) this.#lender.putBack(this.#buffer);
    this.#buffer = undefined;
    this.#lender.end();
  }
}
