/**
 * Turns a host name into addresses with the resolver it is handed. One question per name is under way
 * at a time, so that a stuck resolver is not asked again by everybody who waits for it.
 */
import { isIPv4 } from "node:net";
import { isAddress } from "../../protocol/http/host-port.ts";
import { Flights, unlessAborted } from "../../runtime/flights.ts";
import { abortedBy } from "../upstream-deadline.ts";
import { UpstreamError } from "../upstream-error.ts";
import type { ResolvedAddress } from "./happy-eyeballs.ts";

/** Every address of a name, best first. Rejects with an error whose `code` says why there is none. */
export type Lookup = (host: string) => Promise<readonly ResolvedAddress[]>;

export class NameLookup {
  readonly #lookup: Lookup;
  readonly #questions = new Flights<readonly ResolvedAddress[]>();

  constructor(lookup: Lookup) {
    this.#lookup = lookup;
  }

  /** An address literal is its own answer. Throws UpstreamError: DNS, or what the signal's end means. */
  async resolve(host: string, signal: AbortSignal): Promise<readonly ResolvedAddress[]> {
    if (isAddress(host)) return [{ address: host, family: isIPv4(host) ? 4 : 6 }];
    const question = this.#questions.join(host, () => this.#ask(host));
    const found = await unlessAborted(question, signal, abortedBy(host));
    if (found.length === 0) throw dnsError(host, new Error("no addresses"));
    return found;
  }

  async #ask(host: string): Promise<readonly ResolvedAddress[]> {
    try {
      return await this.#lookup(host);
    } catch (cause) {
      throw dnsError(host, cause);
    }
  }
}

function dnsError(host: string, cause: unknown): UpstreamError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "ENOTFOUND";
  return new UpstreamError("DNS", host, `${host} cannot be resolved (${code})`, { cause });
}
