/**
 * So many places and, when they are taken, a queue of each client: who holds the fewest comes next,
 * and nobody takes the last ones who holds many, so that a crowd from one address holds up nobody else.
 * Where nothing ends for a while, the oldest of who holds most gives way to who holds none.
 */
import type { Clock } from "./clock.ts";

export type PlaceWait = {
  readonly signal: AbortSignal;
  readonly milliseconds: number;
  /** No place in time. */
  readonly late: () => Error;
  /** The signal ended the wait. */
  readonly ended: (signal: AbortSignal) => Error;
  /** The place is taken back; left out, it never is. */
  readonly giveWay?: (() => void) | undefined;
};

type Turn = Pick<PromiseWithResolvers<void>, "promise" | "reject">;

type Place = {
  readonly enter: () => void;
  readonly giveWay: (() => void) | undefined;
  /** When it was asked for, in the order of all that happens here; then when it was given. */
  since: number;
};

type Client = {
  readonly who: string;
  /** The oldest first. */
  readonly held: Set<Place>;
  readonly waiting: Set<Place>;
};

/** Which places are not for everybody. */
export type KeptPlaces = {
  /** The last ones are for who holds none, unless there is one client alone. */
  readonly last: number;
  /** Who is the house itself: it may have them, and nobody is less alone for it. */
  readonly house: string;
  /** Milliseconds that who holds none waits, before somebody gives way; left out, nobody does. */
  readonly patience?: number;
};

/** A client may hold so many times what is left free: one alone gets eight ninths of all places. */
const shareOfFree = 8;

export class FairPlaces {
  readonly #limit: number;
  readonly #after: Clock["after"];
  readonly #kept: KeptPlaces | undefined;
  readonly #clients = new Map<string, Client>();
  #taken = 0;
  #moments = 0;

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
    const client = this.#clients.get(who) ?? { who, held: new Set(), waiting: new Set() };
    this.#clients.set(who, client);
    const turn = Promise.withResolvers<void>();
    const place = { enter: turn.resolve, giveWay: wait.giveWay, since: this.#moments++ };
    client.waiting.add(place);
    this.#admit();
    if (client.waiting.has(place)) {
      const stopAsking = this.#askForRoom(client, place);
      await this.#turn(turn, wait, () => {
        client.waiting.delete(place);
        this.#forgetIdle(client);
      }).finally(stopAsking);
    }
    return () => {
      if (this.#leave(client, place)) this.#admit();
    };
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

  /** Once: false where the place was left already. */
  #leave(client: Client, place: Place): boolean {
    if (!client.held.delete(place)) return false;
    this.#taken -= 1;
    this.#forgetIdle(client);
    return true;
  }

  /** For as long as the place is waited for; returns what ends that. */
  #askForRoom(client: Client, place: Place): () => void {
    const { patience } = this.#kept ?? {};
    if (patience === undefined) return () => undefined;
    let cancel: () => void = () => undefined;
    const wait = (): void => {
      cancel = this.#after(patience, () => {
        this.#makeRoom(client, place.since);
        if (client.waiting.has(place)) wait();
      });
    };
    wait();
    return () => cancel();
  }

  /** Nothing that began since then gives way: it hangs no longer than who waits. */
  #makeRoom(client: Client, since: number): void {
    const isHouse = client.who === this.#kept?.house;
    if (client.held.size > 0 && !isHouse) return;
    let largest: readonly [Client, Place] | undefined;
    for (const other of this.#clients.values()) {
      const oldest = [...other.held].find(({ giveWay }) => giveWay !== undefined);
      if (other === client || oldest === undefined || oldest.since > since) continue;
      if (largest === undefined || isMore([other, oldest], largest)) largest = [other, oldest];
    }
    if (largest === undefined) return;
    const [holder, place] = largest;
    this.#leave(holder, place);
    place.giveWay?.();
    this.#admit();
  }

  #admit(): void {
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const [place] = next.waiting;
      if (place === undefined) return;
      next.waiting.delete(place);
      place.since = this.#moments++;
      next.held.add(place);
      // To the end: of several with as many, the one whose turn was longest ago is next.
      this.#clients.delete(next.who);
      this.#clients.set(next.who, next);
      this.#taken += 1;
      place.enter();
    }
  }

  /** Of those who wait the one with the fewest places: where he may have none, nobody may. */
  #next(): Client | undefined {
    const free = this.#limit - this.#taken;
    let next: Client | undefined;
    for (const client of this.#clients.values()) {
      const isFewer = client.held.size < (next?.held.size ?? Number.POSITIVE_INFINITY);
      if (client.waiting.size > 0 && isFewer && !this.#isKeptFrom(client, free)) next = client;
    }
    return next !== undefined && next.held.size < shareOfFree * free ? next : undefined;
  }

  #isKeptFrom({ who, held }: Client, free: number): boolean {
    if (held.size === 0 || this.#kept === undefined || free > this.#kept.last) return false;
    const { house } = this.#kept;
    const guests = this.#clients.size - (this.#clients.has(house) ? 1 : 0);
    return who !== house && guests > 1;
  }

  #forgetIdle({ who, held, waiting }: Client): void {
    if (held.size === 0 && waiting.size === 0) this.#clients.delete(who);
  }
}

/** Who holds more, and of two who hold as many the one whose oldest is older. */
function isMore(one: readonly [Client, Place], other: readonly [Client, Place]): boolean {
  const more = one[0].held.size - other[0].held.size;
  return more > 0 || (more === 0 && one[1].since < other[1].since);
}
