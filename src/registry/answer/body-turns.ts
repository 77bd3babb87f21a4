/**
 * How much of all bodies leaves in one turn of the event loop: so much that nobody is slower for it,
 * and so little that a thousand fast readers hold up no newcomer and no small answer. Clients take
 * turns by their address, and what is waiting goes out after everything that came in was looked at.
 * First pieces have seven eighths of each turn when so many wait, and who reads already has what they
 * leave: he goes on, and what he has too much of does not fill the system's buffers before a crowd has anything.
 */
import { FairQueue } from "../../runtime/fair-queue.ts";

const perTurn = 1024 * 1024;
/**
 * For who has begun, while more first pieces wait than fit, and in a turn in which somebody came: the system
 * hands over one connection a turn, however many wait behind it.
 */
const besideCrowd = 128 * 1024;
/** What begins with so little leaves at once: an answer that is no larger, or one of many to a crowd. */
const small = 16 * 1024;

type Piece = {
  readonly bytes: number;
  /** Of its body: who has nothing yet waits for nobody's second. */
  readonly isFirst: boolean;
  /** Whether its client is gone: it hears so in its turn, of which it takes nothing. */
  readonly hasLeft?: () => boolean;
};

type Waiting = Piece & { readonly leave: () => void };

export class BodyTurns {
  readonly #firsts = new FairQueue<Waiting>();
  readonly #others = new FairQueue<Waiting>();
  #left = perTurn;
  /** Of that, for who has begun. */
  #leftForOthers = perTurn;
  #isCounting = false;
  #isCrowd = false;

  /** Somebody came, and others may be behind him: who has begun leaves him room in this turn. */
  makeWay(): void {
    this.#isCrowd = true;
  }

  /** Undefined when it may leave now; otherwise resolves when it may. */
  take(client: string, piece: Piece): Promise<void> | undefined {
    const { bytes, isFirst } = piece;
    if (isFirst && bytes <= small) return undefined;
    this.#count();
    const isBeforeAll = this.#firsts.isEmpty && (isFirst || this.#others.isEmpty);
    if (isBeforeAll && this.#mayLeave(isFirst)) {
      this.#spend(bytes, isFirst);
      return undefined;
    }
    return new Promise((leave) => {
      const queue = isFirst ? this.#firsts : this.#others;
      queue.add(client, { ...piece, leave });
    });
  }

  #count(): void {
    if (this.#isCounting) return;
    this.#isCounting = true;
    setImmediate(() => this.#next());
  }

  #next(): void {
    this.#isCounting = false;
    this.#left = perTurn;
    this.#leftForOthers = besideCrowd;
    this.#empty(this.#others, false);
    this.#empty(this.#firsts, true);
    if (!this.#isCrowd) {
      this.#leftForOthers = perTurn;
      this.#empty(this.#others, false);
    }
    this.#isCrowd = false;
    if (!this.#firsts.isEmpty || !this.#others.isEmpty) this.#count();
  }

  #empty(queue: FairQueue<Waiting>, isFirst: boolean): void {
    while (this.#mayLeave(isFirst)) {
      const piece = queue.next();
      if (piece === undefined) return;
      if (piece.hasLeft?.() !== true) this.#spend(piece.bytes, isFirst);
      piece.leave();
    }
  }

  #mayLeave(isFirst: boolean): boolean {
    return this.#left > 0 && (isFirst || this.#leftForOthers > 0);
  }

  #spend(bytes: number, isFirst: boolean): void {
    this.#left -= bytes;
    if (!isFirst) this.#leftForOthers -= bytes;
  }
}
