/**
 * Asks a registry's `/v2/` how it wants its clients to log in, when nothing is remembered or it has
 * grown old: once for all who want to know, with no Authorization at all. It also says whether a
 * login that was refused for one repository is good for the registry.
 */

import { type HeaderList, headerList, headerValue } from "../../protocol/http/header-list.ts";
import { formatHostPort } from "../../protocol/http/host-port.ts";
import { isRefusal, isUnavailable } from "../../protocol/http/status.ts";
import { type Registry, registryAddress } from "../../protocol/registry-name.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import type { Deadline } from "../../runtime/deadline.ts";
import { FairMap } from "../../runtime/fair-map.ts";
import { Flights, unlessAborted } from "../../runtime/flights.ts";
import type { Outages } from "../down-memory.ts";
import type { Transport } from "../net/transport.ts";
import { RateLimits } from "../rate-limits.ts";
import { siteOf } from "../site.ts";
import { abortedBy, upstreamDeadline } from "../upstream-deadline.ts";
import { UpstreamError } from "../upstream-error.ts";
import type { ChallengeMemory } from "./challenge-memory.ts";
import type { RememberedChallenge } from "./registry-challenge.ts";
import { readReply } from "./token-reply.ts";

/** What `/v2/` answered. */
export type PingAnswer = {
  readonly status: number;
  readonly headers: HeaderList;
  /** At most 256 KiB. */
  readonly body: Buffer;
  /** Undefined when the answer says nothing about logging in: a redirect, an error, a web page. */
  readonly remembered: RememberedChallenge | undefined;
};

type Verdict = "good" | "refused" | "unknown";

export type ChallengeFinderOptions = {
  readonly transport: Pick<Transport, "send">;
  readonly memory: ChallengeMemory;
  readonly now: () => number;
  /** For waits. */
  readonly clock?: Clock;
  readonly outages?: Outages | undefined;
  /** Shared with whoever else is told to leave a host alone. */
  readonly rates?: RateLimits | undefined;
  readonly fullMs?: number;
  readonly briefMs?: number;
};

const downMs = 15_000;
/** Token hosts that are no registries, and registries whose `/v2/` redirects: no need to insist. */
const noRegistryMs = 600_000;
const mostSilent = 5_000;

export class ChallengeFinder {
  readonly #options: ChallengeFinderOptions;
  readonly #flights = new Flights<PingAnswer>();
  readonly #verdicts = new Flights<Verdict>();
  /** Registries that failed, or gave no challenge, a moment ago. */
  readonly #silentUntil = new FairMap<string, number>({ limit: mostSilent });

  readonly #rates: RateLimits;

  constructor(options: ChallengeFinderOptions) {
    this.#options = options;
    this.#rates = options.rates ?? new RateLimits({ now: options.now, observe: () => undefined });
  }

  /** What is remembered, be it old, or else what `/v2/` says now; undefined when that is nothing. Throws UpstreamError. */
  async find(registry: Registry, signal: AbortSignal): Promise<RememberedChallenge | undefined> {
    const remembered = this.#options.memory.recall(registry);
    if (remembered !== undefined) return remembered;
    if (this.#isSilent(registry)) return undefined;
    return (await this.ping(registry, "full", signal)).remembered;
  }

  /**
   * Asks now. `brief`: gives up early, at once if the registry failed a moment ago, since the
   * remembered challenge serves instead. Throws UpstreamError.
   */
  async ping(
    registry: Registry,
    patience: "full" | "brief",
    signal: AbortSignal,
  ): Promise<PingAnswer> {
    const host = formatHostPort(registryAddress(registry.name), 443);
    const { outages } = this.#options;
    if (patience === "brief" && (this.#isSilent(registry) || outages?.isDown(host) === true)) {
      throw new UpstreamError("DOWN", host, `${host} did not answer a moment ago`);
    }
    const key = `${registry.scheme} ${registry.name}`;
    const work = this.#flights.join(key, (life) => this.#ask(registry, life));
    const { fullMs = 10_000, briefMs = 900 } = this.#options;
    const milliseconds = patience === "brief" ? briefMs : fullMs;
    using deadline = this.#limit(signal, host, milliseconds);
    try {
      return await unlessAborted(work, deadline.signal, abortedBy(host));
    } catch (error) {
      if (error instanceof UpstreamError && error.code !== "ABORTED") {
        this.#silence(registry, downMs);
        outages?.failed(host, error.code);
      }
      throw error;
    }
  }

  /** Asks while nobody waits, and speaks of no outage: pulls go on meanwhile. */
  askAside(registry: Registry): void {
    if (this.#isSilent(registry)) return;
    const key = `${registry.scheme} ${registry.name}`;
    const work = this.#flights.join(key, (life) => this.#ask(registry, life));
    work.catch(() => this.#silence(registry, noRegistryMs));
  }

  /**
   * What `/v2/` makes of this Authorization, which may go there: `unknown` where everybody is let in,
   * or nothing is said. Asked once for all who want to know. Throws UpstreamError.
   */
  judge(
    registry: Registry,
    authorization: string,
    { signal, from }: { readonly signal: AbortSignal; readonly from?: string | undefined },
  ): Promise<Verdict> {
    const key = `${registry.scheme} ${registry.name} ${authorization}`;
    const work = this.#verdicts.join(key, async (life) => {
      const { status } = await this.#send(registry, authorization, life, from);
      if (isRefusal(status)) return "refused";
      if (isUnavailable(status)) {
        throw new UpstreamError("DOWN", registry.name, `${registry.name} answered ${status}`);
      }
      if (status !== 200) return "unknown";
      return (await this.#send(registry, undefined, life, from)).status === 401
        ? "good"
        : "unknown";
    });
    return unlessAborted(work, signal, abortedBy(registry.name));
  }

  async close(): Promise<void> {
    await Promise.all([this.#flights.close(), this.#verdicts.close()]);
  }

  async #ask(registry: Registry, life: AbortSignal): Promise<PingAnswer> {
    const { memory } = this.#options;
    const { status, headers, body } = await this.#send(registry, undefined, life);
    const lines = challengeLines(status, headers);
    const offersSignatures = headerValue(headers, "x-registry-supports-signatures") === "1";
    const remembered =
      lines === undefined ? undefined : memory.remember(registry, lines, offersSignatures);
    if (remembered !== undefined) this.#silentUntil.delete(registry.name);
    else this.#silence(registry, isUnavailable(status) ? downMs : noRegistryMs);
    return { status, headers, body, remembered };
  }

  #limit(signal: AbortSignal, host: string, milliseconds: number): Deadline {
    const { clock = systemClock } = this.#options;
    const what = `${host} did not answer /v2/`;
    return upstreamDeadline(clock, signal, { host, milliseconds, what });
  }

  async #send(
    registry: Registry,
    authorization: string | undefined,
    life: AbortSignal,
    from?: string,
  ) {
    const address = registryAddress(registry.name);
    const host = formatHostPort(address, 443);
    const { transport, fullMs = 10_000 } = this.#options;
    using deadline = this.#limit(life, host, fullMs);
    const fields = { accept: "application/json", "accept-encoding": "identity", authorization };
    const access = authorization === undefined ? "none" : "shared";
    const ask = () =>
      transport.send({
        scheme: registry.scheme,
        address,
        onBehalfOf: registry.name,
        asked: "ping",
        client: from,
        method: "GET",
        target: "/v2/",
        headers: headerList(fields),
        patience: "full",
        signal: deadline.signal,
      });
    const answer = await this.#rates.ask({ host, access, key: `ping ${access}`, from }, false, ask);
    const { status } = answer;
    const headers = new Map(answer.headers);
    // The body is decoded.
    for (const name of ["set-cookie", "content-encoding"]) headers.delete(name);
    return { status, headers, body: await readReply(host, answer) };
  }

  #isSilent(registry: Registry): boolean {
    return (this.#silentUntil.get(registry.name) ?? 0) > this.#options.now();
  }

  #silence(registry: Registry, milliseconds: number): void {
    const until = this.#options.now() + milliseconds;
    this.#silentUntil.set(registry.name, until, siteOf(registryAddress(registry.name)));
  }
}

/** A 401 without a challenge says nothing; a 200 says that nobody needs to log in. */
function challengeLines(status: number, headers: HeaderList): readonly string[] | undefined {
  if (status === 401) return headers.get("www-authenticate");
  return status === 200 ? [] : undefined;
}
