/** The last requests, newest first; what they say is put into words only for who looks. */
import type { RegistryEvent } from "../../registry/registry-event.ts";

/** So many are kept. */
const most = 200;

export type LastRequest = {
  /** Milliseconds since 1970, when it was over. */
  readonly at: number;
  readonly event: RegistryEvent;
};

export class LastRequests {
  readonly #now: () => number;
  readonly #ring: LastRequest[] = [];
  #next = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  note(event: RegistryEvent): void {
    this.#ring[this.#next] = { at: this.#now(), event };
    this.#next = (this.#next + 1) % most;
  }

  newestFirst(): readonly LastRequest[] {
    const [newer, older] = [this.#ring.slice(0, this.#next), this.#ring.slice(this.#next)];
    return [...older, ...newer].reverse();
  }
}
