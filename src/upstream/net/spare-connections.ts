/**
 * A connection that was made to see who is there, for who asks there next: that is mostly the same
 * client's first request, which would wait for a second handshake. One a host, for a few seconds, and
 * only as long as nothing comes on it.
 */
import type { TLSSocket } from "node:tls";
import { formatHostPort, type HostPort } from "../../protocol/http/host-port.ts";
import type { Clock } from "../../runtime/clock.ts";

const most = 64;
/** Milliseconds. Servers close what is idle after some more. */
const longest = 5_000;

type Spare = { readonly socket: TLSSocket; readonly letGo: () => void };

export class SpareConnections {
  readonly #after: Clock["after"];
  /** The oldest first. */
  readonly #spares = new Map<string, Spare>();
  #isClosed = false;

  constructor(after: Clock["after"]) {
    this.#after = after;
  }

  /** A connection whose handshake is over, to `address` by the rules that hold for its own registry. */
  offer(address: HostPort, socket: TLSSocket): void {
    const key = formatHostPort(address);
    this.#drop(key);
    if (this.#isClosed || socket.destroyed) {
      socket.destroy();
      return;
    }
    const drop = (): void => this.#drop(key);
    const cancel = this.#after(longest, drop);
    socket.on("readable", drop).on("close", drop);
    const letGo = (): void => {
      cancel();
      this.#spares.delete(key);
      socket.off("readable", drop).off("close", drop);
    };
    this.#spares.set(key, { socket, letGo });
    const [oldest] = this.#spares.keys();
    if (this.#spares.size > most && oldest !== undefined) this.#drop(oldest);
  }

  /** The caller's own from then on; undefined where there is none. */
  take(address: HostPort): TLSSocket | undefined {
    const spare = this.#spares.get(formatHostPort(address));
    spare?.letGo();
    return spare?.socket;
  }

  /** Ends all of them; no more are kept. */
  endAll(): void {
    this.#isClosed = true;
    for (const key of [...this.#spares.keys()]) this.#drop(key);
  }

  #drop(key: string): void {
    const spare = this.#spares.get(key);
    spare?.letGo();
    spare?.socket.destroy();
  }
}
