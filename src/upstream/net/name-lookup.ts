/**
 * Turns a host name into addresses with the resolver it is handed. One question per name is under way
 * at a time, so that a stuck resolver is not asked again by everybody who waits for it.
 */
import { isIPv4 } from "node:net";
import { isAddress } from "../../protocol/http/host-port.ts";
import { UpstreamError } from "../upstream-error.ts";
import type { ResolvedAddress } from "./happy-eyeballs.ts";

/** Every address of a name, best first. Rejects with an error whose `code` says why there is none. */
export type Lookup = (host: string) => Promise<readonly ResolvedAddress[]>;

export class NameLookup {
  readonly #lookup: Lookup;
  readonly #running = new Map<string, Promise<readonly ResolvedAddress[]>>();

  constructor(lookup: Lookup) {
    this.#lookup = lookup;
  }

  /** An address literal is its own answer. Throws UpstreamError DNS, or the signal's reason. */
  async resolve(host: string, signal: AbortSignal): Promise<readonly ResolvedAddress[]> {
    if (isAddress(host)) return [{ address: host, family: isIPv4(host) ? 4 : 6 }];
    const found = await unlessAborted(this.#ask(host), signal);
    if (found.length === 0) throw dnsError(host, new Error("no addresses"));
    return found;
  }

  #ask(host: string): Promise<readonly ResolvedAddress[]> {
    const running = this.#running.get(host);
    if (running !== undefined) return running;
    const asked = this.#lookup(host)
      .catch((cause: unknown) => {
        throw dnsError(host, cause);
      })
      .finally(() => this.#running.delete(host));
    this.#running.set(host, asked);
    return asked;
  }
}

function dnsError(host: string, cause: unknown): UpstreamError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "ENOTFOUND";
  return new UpstreamError("DNS", host, `${host} cannot be resolved (${code})`, { cause });
}

/** The wait ends with the signal; the question itself goes on for whoever else waits for it. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: either, resolve, reject } = Promise.withResolvers<T>();
  const abort = (): void => reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  return either;
}
