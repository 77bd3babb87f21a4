/**
 * The machine's own resolver (hosts file, search domains, mDNS, DNS, in its own order), and its name
 * servers asked directly beside it where it is slow. A lookup of the resolver's cannot be ended and
 * keeps a thread busy that files need too, so few run at a time; a name whose turn does not come, or
 * whose answer does not, takes the first good answer from either.
 */

import { Resolver, lookup as systemResolver } from "node:dns/promises";
import { isAddress } from "../../protocol/http/host-port.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { afterWaiting } from "../../runtime/deadline.ts";
import type { ResolvedAddress } from "./happy-eyeballs.ts";
import type { Lookup } from "./name-lookup.ts";

type Found = readonly ResolvedAddress[];

export type SystemNamesOptions = {
  /** The text of /etc/hosts, which name servers know nothing of. */
  readonly readHosts: () => Promise<string>;
  /** The machine's own resolver; getaddrinfo. */
  readonly resolver?: Lookup;
  /** Name servers in the place of those the machine has. */
  readonly servers?: readonly string[];
  /** For waits. */
  readonly clock?: Clock;
};

/** As many as Node gives to lookups at a time, half of its four threads: the others would wait there. */
const mostRunning = 2;
/** Names that wait for their turn. */
const mostQueued = 1_000;
/** Milliseconds after which the name servers are asked: without a turn, and without an answer. */
const patience = { queued: 300, asked: 1_000 };
/** Milliseconds for all of it. */
const longest = 5_000;
/** So long the addresses of one family wait for those of the other (RFC 8305 section 3). */
const otherFamily = 50;

export class SystemNames {
  readonly #options: SystemNamesOptions;
  /** What the resolver was asked and has not answered. */
  readonly #running = new Map<string, Promise<Found>>();
  /** What begins with the next free turn. */
  readonly #queue = new Set<() => void>();

  constructor(options: SystemNamesOptions) {
    this.#options = options;
  }

  /** One name at a time, which NameLookup sees to. */
  readonly lookup: Lookup = (host) => {
    if (this.#queue.size >= mostQueued) return Promise.reject(failure("EAGAIN"));
    const { promise, resolve, reject } = Promise.withResolvers<Found>();
    let aside: Promise<Found> | undefined;
    let reason: unknown = failure("ETIMEOUT");
    const begin = (): void => {
      this.#run(host).then(resolve, (error: unknown) => {
        // What both say counts less than what one of them finds.
        if (aside === undefined) reject(error);
        else aside.then(resolve, () => reject(error));
      });
    };
    const over = new AbortController();
    const askAside = (): void => {
      aside = this.#askServers(host, over.signal);
      aside.then(resolve, (error: unknown) => {
        // The resolver may still know the name: by a search domain, or by mDNS.
        reason = error;
      });
    };
    const { clock = systemClock } = this.#options;
    const cancelAside = afterWaiting(clock, this.#place(host, begin), askAside);
    const cancel = afterWaiting(clock, longest, () => reject(reason));
    return promise.finally(() => {
      cancelAside();
      cancel();
      over.abort();
      this.#queue.delete(begin);
    });
  };

  /** Begins now or in turn; the milliseconds it may take. */
  #place(host: string, begin: () => void): number {
    if (this.#running.size >= mostRunning && !this.#running.has(host)) {
      this.#queue.add(begin);
      return patience.queued;
    }
    // Asked for it before, somebody waited in vain.
    const milliseconds = this.#running.has(host) ? 0 : patience.asked;
    begin();
    return milliseconds;
  }

  #run(host: string): Promise<Found> {
    const running = this.#running.get(host);
    if (running !== undefined) return running;
    const { resolver = getAddresses } = this.#options;
    const answer = resolver(host).finally(() => {
      this.#running.delete(host);
      const [next] = this.#queue;
      if (next === undefined) return;
      this.#queue.delete(next);
      next();
    });
    this.#running.set(host, answer);
    return answer;
  }

  async #askServers(host: string, signal: AbortSignal): Promise<Found> {
    const known = knownFrom(await this.#options.readHosts().catch(() => ""), host);
    if (known.length > 0) return known;
    // The machine's name servers as they are now: each resolver reads them anew.
    const resolver = new Resolver({ timeout: 1_500, tries: 2 });
    if (this.#options.servers !== undefined) resolver.setServers(this.#options.servers);
    const cancel = (): void => resolver.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    const asked = [resolver.resolve6(host), resolver.resolve4(host)] as const;
    for (const each of asked)
      each.then(
        () => setTimeout(cancel, otherFamily),
        () => undefined,
      );
    const [sixes, fours] = await Promise.allSettled(asked);
    const found = [...addressesOf(sixes, 6), ...addressesOf(fours, 4)];
    if (found.length === 0 && fours.status === "rejected") throw fours.reason;
    return found;
  }
}

async function getAddresses(host: string): Promise<Found> {
  const found = await systemResolver(host, { all: true, order: "verbatim" });
  return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
}

function addressesOf(settled: PromiseSettledResult<readonly string[]>, family: 4 | 6): Found {
  if (settled.status === "rejected") return [];
  return settled.value.map((address) => ({ address, family }));
}

/** What a hosts file says of a name. */
function knownFrom(hosts: string, host: string): Found {
  return hosts.split("\n").flatMap((line) => {
    const [address = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    const isMeant = names.some((name) => name.toLowerCase() === host.toLowerCase());
    if (!isMeant || !isAddress(address)) return [];
    return [{ address, family: address.includes(":") ? (6 as const) : (4 as const) }];
  });
}

function failure(code: string): Error {
  return Object.assign(new Error(`the resolver does not answer (${code})`), { code });
}
