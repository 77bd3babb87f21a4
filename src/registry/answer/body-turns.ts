/**
 * How much of all bodies leaves in one turn of the event loop: so much that nobody is slower for it,
 * and so little that a thousand fast readers hold up no newcomer and no small answer. Clients take
 * turns by their address, first pieces have every other turn before the rest, and what is waiting goes
 * out after everything that came in was looked at.
 */
import { FairQueue } from "../../runtime/fair-queue.ts";

const perTurn = 1024 * 1024;
/** In a turn in which somebody came: the system hands over one connection a turn. */
const besideNewcomers = 128 * 1024;
/** What is not larger leaves at once. */
const small = 16 * 1024;

type Piece = {
  readonly bytes: number;
  /** Of its body: who has nothing yet waits for nobody's second. */
  readonly isFirst: boolean;
};

type Waiting = Piece & { readonly leave: () => void };

export class BodyTurns {
  readonly #firsts = new FairQueue<Waiting>();
  readonly #others = new FairQueue<Waiting>();
  #left = perTurn;
  #isCounting = false;
  #hasNewcomer = false;
  #areFirstsFirst = false;

  /** Somebody came, and others may be behind him: less leaves in this turn. */
  makeWay(): void {
    this.#hasNewcomer = true;
  }

  /** Undefined when it may leave now; otherwise resolves when it may. */
  take(client: string, { bytes, isFirst }: Piece): Promise<void> | undefined {
    if (bytes <= small) return undefined;
    this.#count();
    if (this.#left > 0 && this.#isEmpty) {
      this.#left -= bytes;
      return undefined;
    }
    return new Promise((leave) => {
      const queue = isFirst ? this.#firsts : this.#others;
      queue.add(client, { bytes, isFirst, leave });
    });
  }

  #count(): void {
    if (this.#isCounting) return;
    this.#isCounting = true;
    setImmediate(() => this.#next());
  }

  #next(): void {
    this.#isCounting = false;
    this.#left = this.#hasNewcomer ? besideNewcomers : perTurn;
    this.#hasNewcomer = false;
    this.#areFirstsFirst = !this.#areFirstsFirst;
    const [before, after] = this.#areFirstsFirst
      ? [this.#firsts, this.#others]
      : [this.#others, this.#firsts];
    for (const queue of [before, after]) this.#empty(queue);
    if (!this.#isEmpty) this.#count();
  }

  #empty(queue: FairQueue<Waiting>): void {
    while (this.#left > 0) {
      const piece = queue.next();
      if (piece === undefined) return;
      this.#left -= piece.bytes;
      piece.leave();
    }
  }

  get #isEmpty(): boolean {
    return this.#firsts.isEmpty && this.#others.isEmpty;
  }
}
