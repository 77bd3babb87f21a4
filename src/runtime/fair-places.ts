/**
 * So many places and, when they are taken, a queue of each client: who holds the fewest comes next,
 * and nobody takes the last ones who holds many, so that a crowd from one address holds up nobody else.
 */
import type { Clock } from "./clock.ts";

export type PlaceWait = {
  readonly signal: AbortSignal;
  readonly milliseconds: number;
  /** No place in time. */
  readonly late: () => Error;
  /** The signal ended the wait. */
  readonly ended: (signal: AbortSignal) => Error;
};

type Turn = Pick<PromiseWithResolvers<void>, "promise" | "reject">;

type Client = { readonly who: string; held: number; readonly waiting: Set<() => void> };

/** Which places are not for everybody. */
export type KeptPlaces = {
  /** The last ones are for who holds none, unless there is one client alone. */
  readonly last: number;
  /** Who is the house itself: it may have them, and nobody is less alone for it. */
  readonly house: string;
};

/** A client may hold so many times what is left free: one alone gets eight ninths of all places. */
const shareOfFree = 8;

export class FairPlaces {
  readonly #limit: number;
  readonly #after: Clock["after"];
  readonly #kept: KeptPlaces | undefined;
  readonly #clients = new Map<string, Client>();
  #taken = 0;

  constructor(limit: number, after: Clock["after"], kept?: KeptPlaces) {
    this.#limit = limit;
    this.#kept = kept;
    this.#after = after;
  }

  /** Nobody holds a place or waits for one. */
  get isEmpty(): boolean {
    return this.#clients.size === 0;
  }

  /** Resolves with how to give the place back, once or more often; rejects with `late` or `ended`. */
  async take(who: string, wait: PlaceWait): Promise<() => void> {
    if (wait.signal.aborted) throw wait.ended(wait.signal);
    const client = this.#clients.get(who) ?? { who, held: 0, waiting: new Set() };
    this.#clients.set(who, client);
    const turn = Promise.withResolvers<void>();
    const enter = turn.resolve;
    client.waiting.add(enter);
    this.#admit();
    if (client.waiting.has(enter)) {
      await this.#turn(turn, wait, () => {
        client.waiting.delete(enter);
        this.#forgetIdle(client);
      });
    }
    return this.#leaving(client);
  }

  /** Who gives up leaves the queue in the same tick, or a place would be given to nobody. */
  async #turn(turn: Turn, wait: PlaceWait, leaveQueue: () => void): Promise<void> {
    const giveUp = (error: Error): void => {
      leaveQueue();
      turn.reject(error);
    };
    const end = (): void => giveUp(wait.ended(wait.signal));
    const cancel = this.#after(wait.milliseconds, () => giveUp(wait.late()));
    wait.signal.addEventListener("abort", end, { once: true });
    try {
      await turn.promise;
    } finally {
      cancel();
      wait.signal.removeEventListener("abort", end);
    }
  }

  #leaving(client: Client): () => void {
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      client.held -= 1;
      this.#taken -= 1;
      this.#forgetIdle(client);
      this.#admit();
    };
  }

  #admit(): void {
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const [enter] = next.waiting;
      if (enter === undefined) return;
      next.waiting.delete(enter);
      next.held += 1;
      // To the end: of several with as many, the one whose turn was longest ago is next.
      this.#clients.delete(next.who);
      this.#clients.set(next.who, next);
      this.#taken += 1;
      enter();
    }
  }

  /** Of those who wait the one with the fewest places: where he may have none, nobody may. */
  #next(): Client | undefined {
    const free = this.#limit - this.#taken;
    let next: Client | undefined;
    for (const client of this.#clients.values()) {
      const isFewer = client.held < (next?.held ?? Number.POSITIVE_INFINITY);
      if (client.waiting.size > 0 && isFewer && !this.#isKeptFrom(client, free)) next = client;
    }
    return next !== undefined && next.held < shareOfFree * free ? next : undefined;
  }

  #isKeptFrom({ who, held }: Client, free: number): boolean {
    if (held === 0 || this.#kept === undefined || free > this.#kept.last) return false;
    const { house } = this.#kept;
    const guests = this.#clients.size - (this.#clients.has(house) ? 1 : 0);
    return who !== house && guests > 1;
  }

  #forgetIdle({ who, held, waiting }: Client): void {
    if (held === 0 && waiting.size === 0) this.#clients.delete(who);
  }
}
