/**
 * How much of all bodies leaves in one turn of the event loop: so much that nobody is slower for it,
 * and so little that a thousand fast readers hold up no newcomer and no small answer. Clients take
 * turns by their address, and what is waiting goes out after everything that came in was looked at.
 */

const perTurn = 1024 * 1024;
/** In a turn in which somebody came: the system hands over one connection a turn. */
const besideNewcomers = 128 * 1024;
/** What is not larger leaves at once. */
const small = 16 * 1024;

type Piece = { readonly bytes: number; readonly leave: () => void };

export class BodyTurns {
  /** Of each client, in the order of their turns. */
  readonly #waiting = new Map<string, Piece[]>();
  #left = perTurn;
  #isCounting = false;
  #hasNewcomer = false;

  /** Somebody came, and others may be behind him: less leaves in this turn. */
  makeWay(): void {
    this.#hasNewcomer = true;
  }

  /** Undefined when so many bytes may leave now; otherwise resolves when they may. */
  take(client: string, bytes: number): Promise<void> | undefined {
    if (bytes <= small) return undefined;
    this.#count();
    if (this.#left > 0 && this.#waiting.size === 0) {
      this.#left -= bytes;
      return undefined;
    }
    return new Promise((leave) => {
      const own = this.#waiting.get(client);
      if (own === undefined) this.#waiting.set(client, [{ bytes, leave }]);
      else own.push({ bytes, leave });
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
    while (this.#left > 0) {
      const piece = this.#first();
      if (piece === undefined) return;
      this.#left -= piece.bytes;
      piece.leave();
    }
    this.#count();
  }

  #first(): Piece | undefined {
    for (const [client, own] of this.#waiting) {
      this.#waiting.delete(client);
      const piece = own.shift();
      if (own.length > 0) this.#waiting.set(client, own);
      return piece;
    }
    return undefined;
  }
}
