/** Hosts that clients were passed on to untouched, the last 200 of them: some may be registries that nobody named. */
import { BoundedMap } from "../../runtime/bounded-map.ts";

const most = 200;

export type SeenTunnel = {
  readonly host: string;
  readonly times: number;
  /** Milliseconds since 1970. */
  readonly last: number;
};

export class SeenTunnels {
  readonly #now: () => number;
  readonly #hosts = new BoundedMap<string, SeenTunnel>({ limit: most });

  constructor(now: () => number) {
    this.#now = now;
  }

  note(host: string): void {
    const times = (this.#hosts.get(host)?.times ?? 0) + 1;
    this.#hosts.set(host, { host, times, last: this.#now() });
  }

  /** Those that were asked for most come first. */
  all(): readonly SeenTunnel[] {
    return [...this.#hosts.values()].toSorted((one, other) => other.times - one.times);
  }
}
