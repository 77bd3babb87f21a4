/**
 * Connects to whichever of several addresses answers first (RFC 8305): the families take turns, the
 * next attempt starts when the one before has failed or has been silent for 250 ms, so that a dead
 * IPv6 route costs a moment and not the connection.
 */
import { connect, type Socket } from "node:net";

export type ResolvedAddress = { readonly address: string; readonly family: 4 | 6 };

const stagger = 250;

/** A TCP connection to one of them, as `connectFirst` wants it. */
export function plainTo(port: number): (to: ResolvedAddress) => Socket {
  return ({ address }) => connect({ host: address, port, autoSelectFamily: false });
}

/**
 * Resolves with a connected socket, of those that `begin` makes, that carries an error listener and
 * belongs to the caller. Rejects with the first attempt's error when all have failed, or with the
 * signal's reason.
 */
export function connectFirst<S extends Socket>(
  addresses: readonly ResolvedAddress[],
  begin: (to: ResolvedAddress) => S,
  signal: AbortSignal,
): Promise<S> {
  return new Race(takeTurns(addresses), begin, signal).winner;
}

class Race<S extends Socket> {
  readonly winner: Promise<S>;
  readonly #waiting: ResolvedAddress[];
  readonly #begin: (to: ResolvedAddress) => S;
  readonly #signal: AbortSignal;
  readonly #running = new Set<S>();
  readonly #settle = Promise.withResolvers<S>();
  #firstError: Error | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(
    addresses: readonly ResolvedAddress[],
    begin: (to: ResolvedAddress) => S,
    signal: AbortSignal,
  ) {
    this.#waiting = [...addresses];
    this.#begin = begin;
    this.#signal = signal;
    this.winner = this.#settle.promise;
    signal.addEventListener("abort", this.#abort, { once: true });
    if (signal.aborted) this.#abort();
    else this.#next();
  }

  #next(): void {
    clearTimeout(this.#timer);
    const candidate = this.#waiting.shift();
    if (candidate !== undefined) {
      this.#attempt(candidate);
      this.#timer = setTimeout(() => this.#next(), stagger);
    } else if (this.#running.size === 0) {
      this.#finish(undefined, this.#firstError);
    }
  }

  #attempt(candidate: ResolvedAddress): void {
    const socket = this.#begin(candidate);
    this.#running.add(socket);
    socket.once("connect", () => this.#finish(socket, undefined));
    // Stays for the socket's life: whoever uses it adds his own.
    socket.on("error", (error) => {
      if (!this.#running.delete(socket) || this.#isOver) return;
      this.#firstError ??= error;
      this.#next();
    });
  }

  readonly #abort = (): void => this.#finish(undefined, this.#signal.reason);

  #finish(socket: S | undefined, error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#signal.removeEventListener("abort", this.#abort);
    for (const other of this.#running) if (other !== socket) other.destroy();
    this.#running.clear();
    if (socket === undefined) this.#settle.reject(error ?? new Error("no address to connect to"));
    else this.#settle.resolve(socket);
  }
}

/** IPv6, IPv4, IPv6 …, each family in the resolver's order, starting with the resolver's first. */
function takeTurns(addresses: readonly ResolvedAddress[]): ResolvedAddress[] {
  const first = addresses.filter(({ family }) => family === addresses[0]?.family);
  const second = addresses.filter(({ family }) => family !== addresses[0]?.family);
  const turns: ResolvedAddress[] = [];
  for (let index = 0; index < Math.max(first.length, second.length); index++) {
    for (const list of [first, second]) {
      const entry = list[index];
      if (entry !== undefined) turns.push(entry);
    }
  }
  return turns;
}
