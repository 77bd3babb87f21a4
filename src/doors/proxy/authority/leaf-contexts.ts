/**
 * The TLS contexts of the hosts that were asked for last. OpenSSL needs some 60 KiB for each, which the
 * garbage collector knows nothing of: one that is pushed out is closed by hand, once nobody uses it.
 */
import type { SecureContext } from "node:tls";

/** What a context is used by, until it has closed. */
export type Connection = { once(event: "close", listener: () => void): unknown };

type Kept = {
  readonly context: SecureContext;
  /** What it was made of. */
  readonly chain: string;
  users: number;
  /** Somebody has it who did not say until when. */
  isLent: boolean;
  isOut: boolean;
};

export class LeafContexts {
  readonly #most: number;
  readonly #make: (chain: string) => SecureContext;
  /** Least recently used first. */
  readonly #kept = new Map<string, Kept>();
  #open = 0;

  constructor(most: number, make: (chain: string) => SecureContext) {
    this.#most = most;
    this.#make = make;
  }

  /** All that are not closed: of hosts asked for last, and those pushed out that are still in use. */
  get open(): number {
    return this.#open;
  }

  /** The host's, for that certificate chain. It is good until `user` has closed. */
  of(host: string, chain: string, user: Connection | undefined): SecureContext {
    const kept = this.#keptFor(host, chain);
    if (user === undefined) kept.isLent = true;
    else {
      kept.users += 1;
      user.once("close", () => {
        kept.users -= 1;
        this.#closeUnused(kept);
      });
    }
    return kept.context;
  }

  #keptFor(host: string, chain: string): Kept {
    const before = this.#kept.get(host);
    this.#kept.delete(host);
    const isSame = before?.chain === chain;
    const kept = isSame ? before : this.#made(chain);
    if (before !== undefined && !isSame) this.#pushOut(before);
    this.#kept.set(host, kept);
    const [oldest] = this.#kept;
    if (this.#kept.size > this.#most && oldest !== undefined) {
      this.#kept.delete(oldest[0]);
      this.#pushOut(oldest[1]);
    }
    return kept;
  }

  #made(chain: string): Kept {
    const context = this.#make(chain);
    this.#open += 1;
    return { context, chain, users: 0, isLent: false, isOut: false };
  }

  #pushOut(kept: Kept): void {
    kept.isOut = true;
    this.#closeUnused(kept);
  }

  #closeUnused({ context, users, isLent, isOut }: Kept): void {
    if (!isOut || users > 0 || isLent) return;
    this.#open -= 1;
    const native: unknown = context.context;
    // Node's own, and nowhere written down: without it the collector comes to it in the end.
    const close: unknown = native instanceof Object ? Reflect.get(native, "close") : undefined;
    if (typeof close === "function") close.call(native);
  }
}
