/**
 * How many connections there may be: so many of each address, so many in all, and the last ones for
 * whoever has few. Who is turned away is told of once a minute, for a crowd comes by the thousand.
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

const minute = 60_000;
/** An address may have so many times what is left free, and so one alone takes eight ninths of all. */
const shareOfFree = 8;

export class ConnectionPlaces {
  readonly #options: ConnectionPlacesOptions;
  readonly #open = new Map<string, number>();
  #taken = 0;
  #turnedAway = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(options: ConnectionPlacesOptions) {
    this.#options = options;
  }

  /** Counts one connection until it closes; false where it has no place. */
  enter(client: string, connection: Duplex): boolean {
    const count = this.#open.get(client) ?? 0;
    const limit = this.#exhausted(client, count);
    if (limit !== undefined) {
      this.#tell(client, limit);
      return false;
    }
    this.#open.set(client, count + 1);
    this.#taken += 1;
    connection.once("close", () => this.#leave(client));
    return true;
  }

  #exhausted(client: string, count: number): "client" | "total" | undefined {
    const { perClient, total, isExempt } = this.#options;
    if (!isExempt(client) && count >= perClient) return "client";
    return count >= shareOfFree * (total - this.#taken) ? "total" : undefined;
  }

  #leave(client: string): void {
    const count = this.#open.get(client) ?? 0;
    this.#taken -= 1;
    if (count > 1) this.#open.set(client, count - 1);
    else this.#open.delete(client);
  }

  #tell(client: string, limit: "client" | "total"): void {
    const { observe, now, perClient, total } = this.#options;
    this.#turnedAway += 1;
    if (now() - this.#toldAt < minute) return;
    this.#toldAt = now();
    const most = limit === "client" ? perClient : total;
    observe({ kind: "turnedAway", client, limit, most, connections: this.#turnedAway });
    this.#turnedAway = 0;
  }
}
