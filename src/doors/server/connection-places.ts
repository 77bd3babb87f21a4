/**
 * How many connections there may be: so many of each address, so many in all, and the last ones for
 * whoever has few. Who comes beyond that takes the place of one on which nobody is being answered, of his
 * own before anybody else's, and finds none only where all are busy. Both are told of once a minute, for
 * a crowd comes by the thousand.
 */
import type { Duplex } from "node:stream";
import type { ObserveDoor } from "../door-event.ts";

export type ConnectionPlacesOptions = {
  /** Open connections per address; loopback is exempt. */
  readonly perClient: number;
  /** Open connections of all addresses together, through every public listener. */
  readonly total: number;
  readonly isExempt: (client: string) => boolean;
  readonly observe: ObserveDoor;
  readonly now: () => number;
};

type Limit = "client" | "total";

type Guest = {
  readonly client: string;
  open: number;
  /** Those on which nobody is being answered, the one idle longest first. */
  readonly idle: Map<Duplex, Rest>;
};

type Rest = {
  /** When it began, in the order of all. */
  readonly since: number;
  /** And in milliseconds. */
  readonly at: number;
  /** Whether it goes on. */
  readonly isStill: () => boolean;
};

const second = 1_000;
const minute = 60_000;
/** An address may have so many times what is left free, and so one alone takes eight ninths of all. */
const shareOfFree = 8;

export class ConnectionPlaces {
  readonly #options: ConnectionPlacesOptions;
  readonly #guests = new Map<string, Guest>();
  readonly #guestOn = new Map<Duplex, Guest>();
  /** What is spoken on a connection, TLS most often, by what it is spoken in. */
  readonly #outer = new WeakMap<Duplex, Duplex>();
  readonly #untold = { turnedAway: new Told(), idleEnded: new Told() };
  #moments = 0;

  constructor(options: ConnectionPlacesOptions) {
    this.#options = options;
  }

  /** Counts one connection until it closes, as idle; false where it has no place. */
  enter(client: string, connection: Duplex): boolean {
    const limit = this.#exhausted(client);
    if (limit !== undefined) {
      const hasRoom = this.#makeRoom(client, limit);
      this.#tell(hasRoom ? "idleEnded" : "turnedAway", client, limit);
      if (!hasRoom) return false;
    }
    const guest = this.#guests.get(client) ?? { client, open: 0, idle: new Map() };
    this.#guests.set(client, guest);
    this.#guestOn.set(connection, guest);
    guest.open += 1;
    this.release(connection);
    connection.once("close", () => this.#leave(connection));
    return true;
  }

  /** `inner` is spoken on `outer`: what one of them is busy with, the other is. */
  wrap(outer: Duplex, inner: Duplex): void {
    if (inner !== outer) this.#outer.set(inner, outer);
  }

  /** Somebody is being answered on it, or it was given away. */
  occupy(connection: Duplex): void {
    const counted = this.#counted(connection);
    this.#guestOn.get(counted)?.idle.delete(counted);
  }

  /** Nobody is any more, for as long as `isStill` says so. */
  release(connection: Duplex, isStill = always): void {
    const counted = this.#counted(connection);
    const idle = this.#guestOn.get(counted)?.idle;
    idle?.delete(counted);
    idle?.set(counted, { since: this.#moments, at: this.#options.now(), isStill });
    this.#moments += 1;
  }

  #counted(connection: Duplex): Duplex {
    return this.#outer.get(connection) ?? connection;
  }

  #exhausted(client: string): Limit | undefined {
    const { perClient, total, isExempt } = this.#options;
    const count = this.#guests.get(client)?.open ?? 0;
    if (!isExempt(client) && count >= perClient) return "client";
    return count >= shareOfFree * (total - this.#guestOn.size) ? "total" : undefined;
  }

  #makeRoom(client: string, limit: Limit): boolean {
    const own = this.#guests.get(client);
    if (own !== undefined && endOne(own, (oldest) => this.#leave(oldest))) return true;
    if (limit === "client") return false;
    for (let from = this.#largestBeside(own); from !== undefined; from = this.#largestBeside(own))
      if (endOne(from, (oldest) => this.#leave(oldest))) return true;
    const from = this.#restedBeside(own);
    return from !== undefined && endOne(from, (oldest) => this.#leave(oldest));
  }

  /** Of those who have more, and some of it idle: who has most, and of several the one who rests longest. */
  #largestBeside(own: Guest | undefined): Guest | undefined {
    let largest: Guest | undefined;
    for (const guest of this.#guests.values()) {
      if (guest.idle.size === 0 || guest.open <= (own?.open ?? 0)) continue;
      const more = guest.open - (largest?.open ?? 0);
      if (more > 0 || (more === 0 && restsSince(guest) < restsSince(largest))) largest = guest;
    }
    return largest;
  }

  /**
   * Where nobody has more, idle connections count as free ones: of those that have rested a second, who has
   * most of them. Many addresses with few each do not keep out who has many that are busy.
   */
  #restedBeside(own: Guest | undefined): Guest | undefined {
    const now = this.#options.now();
    let most: Guest | undefined;
    let idle = 0;
    for (const guest of this.#guests.values()) {
      const [longest] = guest.idle.values();
      if (guest === own || longest === undefined || now - longest.at < second) continue;
      idle += guest.idle.size;
      if (guest.idle.size > (most?.idle.size ?? 0)) most = guest;
    }
    const free = this.#options.total - this.#guestOn.size;
    return (own?.open ?? 0) < shareOfFree * (free + idle) ? most : undefined;
  }

  /** Once, whether it ended by itself or was ended. */
  #leave(connection: Duplex): void {
    const guest = this.#guestOn.get(connection);
    if (guest === undefined) return;
    this.#guestOn.delete(connection);
    guest.idle.delete(connection);
    guest.open -= 1;
    if (guest.open === 0) this.#guests.delete(guest.client);
  }

  #tell(kind: "turnedAway" | "idleEnded", client: string, limit: Limit): void {
    const { observe, now, perClient, total } = this.#options;
    const connections = this.#untold[kind].more(now());
    if (connections === 0) return;
    observe({ kind, client, limit, most: limit === "client" ? perClient : total, connections });
  }
}

const always = (): boolean => true;

/** How many are still to be told of. */
class Told {
  #since = 0;
  #at = Number.NEGATIVE_INFINITY;

  /** One more; zero while it is too soon to tell. */
  more(now: number): number {
    this.#since += 1;
    if (now - this.#at < minute) return 0;
    const all = this.#since;
    this.#at = now;
    this.#since = 0;
    return all;
  }
}

/** The one that is idle longest, if any still is. */
function endOne({ idle }: Guest, leave: (connection: Duplex) => void): boolean {
  for (const [connection, { isStill }] of idle) {
    idle.delete(connection);
    if (!isStill()) continue;
    leave(connection);
    connection.destroy();
    return true;
  }
  return false;
}

function restsSince(guest: Guest | undefined): number {
  const [rest] = guest?.idle.values() ?? [];
  return rest?.since ?? Number.POSITIVE_INFINITY;
}
