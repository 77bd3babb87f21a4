/**
 * The registry client that the cache and the registry room use: tokens and their one retry, redirects,
 * the memory of hosts that are down and of 429s, and one limit of time around it all.
 */

import { formatHostPort } from "../../protocol/http/host-port.ts";
import { isRedirect, isRefusal } from "../../protocol/http/status.ts";
import { registryAddress, registryAt } from "../../protocol/registry-name.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { ownRequest } from "../auth/own-request.ts";
import { limitedAnswer } from "../auth/token-limited.ts";
import { discard } from "../body.ts";
import { DownMemory } from "../down-memory.ts";
import { isSameOrigin, type Place } from "../location.ts";
import type { Transport } from "../net/transport.ts";
import { RateLimits } from "../rate-limits.ts";
import type {
  Access,
  RegistryClient,
  RegistryRequest,
  RegistryResponse,
} from "../registry-client.ts";
import { upstreamDeadline } from "../upstream-deadline.ts";
import type { ObserveUpstream } from "../upstream-event.ts";
import { type Authorized, type Authorizing, sendAuthorized } from "./authorized-send.ts";
import { KeptBytes } from "./kept-bytes.ts";
import {
  isBlobPlace,
  isManifestPlace,
  maxBlobHops,
  maxRegistryHops,
  mayGoAlong,
  nextHop,
  type RedirectJudges,
  type Sent,
  tooManyHops,
} from "./redirects.ts";
import {
  askedBy,
  authorizationAsk,
  isClientsOwn,
  isList,
  isOurs,
  isReading,
  quotaKey,
  requestFields,
} from "./request-facts.ts";
import { asAsked, ofStorage, withoutBody, withoutSession } from "./response-fields.ts";

export type PooledRegistryClientOptions = RedirectJudges & {
  readonly transport: Transport;
  readonly authorizer: Authorizing;
  readonly observe: ObserveUpstream;
  readonly now: () => number;
  readonly clock?: Clock;
  /** Shared with whoever else finds out that a host is down. */
  readonly outages?: DownMemory | undefined;
  /** Shared with whoever else is told to leave a host alone. */
  readonly rates?: RateLimits | undefined;
  /** Sent where the client's request has none. */
  readonly userAgent?: string;
  /** Milliseconds to the headers: tokens, redirects and retries together. */
  readonly limits?: Limits;
  /** Bytes that readers may keep of answers until they have all of them; kept-bytes.ts. */
  readonly keptBytes?: number;
};

type Limits = { readonly full: number; readonly brief: number; readonly list?: number };

type Authorization = string | undefined;

type Redirected = { readonly place: Place; readonly response: RegistryResponse };

export class PooledRegistryClient implements RegistryClient {
  readonly #transport: Transport;
  readonly #authorizer: Authorizing;
  readonly #userAgent: string;
  readonly #judges: RedirectJudges;
  readonly #limits: Required<Limits>;
  readonly #down: DownMemory;
  readonly #rates: RateLimits;
  readonly #clock: Clock;
  readonly #kept: KeptBytes;

  constructor(options: PooledRegistryClientOptions) {
    this.#transport = options.transport;
    this.#authorizer = options.authorizer;
    this.#clock = options.clock ?? systemClock;
    this.#userAgent = options.userAgent ?? "entrepot";
    this.#judges = options;
    this.#limits = { full: 25_000, brief: 1_750, list: 120_000, ...options.limits };
    this.#down = options.outages ?? new DownMemory(options);
    this.#rates = options.rates ?? new RateLimits(options);
    this.#kept = new KeptBytes(options.keptBytes);
  }

  async send(request: RegistryRequest): Promise<RegistryResponse> {
    const host = request.registry.name;
    // A push takes as long as it takes; its own limits begin once its body is sent.
    const { patience } = request;
    const isLimited = isReading(request) && patience !== "open";
    const milliseconds = isLimited ? this.#limits[patience] : undefined;
    const what = `${host} did not answer`;
    const deadline = upstreamDeadline(this.#clock, request.signal, { host, milliseconds, what });
    try {
      const response = await this.#answer({
        ...{ ...request, signal: deadline.signal },
        ...{ asked: askedBy(request), began: request.registry.name, hops: 0 },
      });
      deadline.disarm();
      // A blob's bytes are streamed, and kept by nobody.
      if (request.redirects !== "blob" || response.status >= 300)
        this.#kept.count(request, response);
      if (response.body.closed) deadline[Symbol.dispose]();
      else response.body.once("close", () => deadline[Symbol.dispose]());
      return response;
    } catch (error) {
      deadline[Symbol.dispose]();
      throw deadline.signal.aborted ? deadline.signal.reason : error;
    }
  }

  async #answer(request: Sent): Promise<RegistryResponse> {
    const { registry, target, redirects, storage, ledBy } = request;
    const known = storage && (await this.#atStorage(request, storage));
    if (known !== undefined) return known;
    const address = registryAddress(registry.name);
    const place = { scheme: registry.scheme, address, target, ledBy };
    let used: Authorization;
    const host = formatHostPort(address, 443);
    const response = await this.#down
      .ask(host, { isBrief: request.patience === "brief", isSlow: isList(request) }, async () => {
        const answer = await this.#authorized(request, place);
        used = answer.authorization;
        return answer.response;
      })
      .catch(limitedAnswer);
    if (!isRedirect(response.status) || !isReading(request)) return response;
    if (redirects === "blob") return await this.#followBlob(request, { place, response }, used);
    if (redirects === "manifest") return await this.#followManifest(request, { place, response });
    return response;
  }

  async #authorized(request: Sent, place: Place): Promise<Authorized> {
    const own = isOurs(request.access) ? ownRequest(request) : undefined;
    const ask = authorizationAsk(request, own !== undefined);
    const sent = own ? { ...request, headers: own.headers, body: undefined } : request;
    const there = own ? { ...place, target: own.target } : place;
    const send = (authorization: Authorization) => this.#exchange(sent, there, authorization);
    return await sendAuthorized(this.#authorizer, ask, send, own?.isForTokensOnly);
  }

  async #followBlob(
    request: Sent,
    first: Redirected,
    authorization: Authorization,
  ): Promise<RegistryResponse> {
    let { place, response } = first;
    let isAtHome = true;
    for (let hop = 1; isRedirect(response.status); hop++) {
      discard(response.body);
      if (hop > maxBlobHops) throw tooManyHops(first.place, maxBlobHops);
      const next = nextHop(place, response, request, this.#judges);
      isAtHome &&= isSameOrigin(place, next) && mayGoAlong(request.access, authorization, next);
      place = next;
      response = await this.#exchange(request, place, isAtHome ? authorization : undefined);
    }
    if (isAtHome) return response;
    if (response.status < 300) return { ...ofStorage(response), storage: place };
    if (response.status !== 401 || !isBlobPlace(place) || request.hops >= maxRegistryHops) {
      return ofStorage(response);
    }
    discard(response.body);
    const access = this.#accessThere(request, place);
    const answer = await this.#atItsOwn(request, place, access);
    const isBorrowed = answer.isBorrowed === true || access.kind === "shared";
    if (!isRefusal(answer.status)) return { ...ofStorage(answer), isBorrowed };
    discard(answer.body);
    return withoutBody(first.response);
  }

  /** Undefined when it gives nothing there any more: a signature ends, and then the registry is asked. */
  async #atStorage(request: Sent, place: Place): Promise<RegistryResponse | undefined> {
    this.#judges.judgeRedirect?.(place);
    const response = await this.#exchange(request, place, undefined);
    if (response.status < 300) return { ...ofStorage(response), storage: place };
    discard(response.body);
    return undefined;
  }

  /** When the target refuses us, its 3xx may still serve the client. */
  async #followManifest(request: Sent, { place, response }: Redirected): Promise<RegistryResponse> {
    const next = nextHop(place, response, request, this.#judges);
    if (!isManifestPlace(next)) return response;
    if (request.hops >= maxRegistryHops) {
      discard(response.body);
      throw tooManyHops(place, maxRegistryHops);
    }
    try {
      const isHere = isSameOrigin(place, next);
      const access = isHere ? request.access : this.#accessThere(request, next);
      const answer = await this.#atItsOwn(request, next, access);
      const other = isRefusal(answer.status) ? answer : response;
      discard(other.body);
      if (other === answer) return response;
      const isBorrowed = answer.isBorrowed === true || (!isHere && access.kind === "shared");
      return { ...answer, isBorrowed };
    } catch (error) {
      discard(response.body);
      throw error;
    }
  }

  /** The target is a registry of its own, which nobody is logged in to before it may be dialled. */
  async #atItsOwn(request: Sent, to: Place, access: Access): Promise<RegistryResponse> {
    const { address, scheme, target, ledBy } = to;
    const { began: onBehalfOf, signal } = request;
    await this.#transport.check(address, { onBehalfOf, ledBy, signal });
    const there = { registry: registryAt(address, scheme), access, target, ledBy };
    return await this.#answer({ ...request, ...there, hops: request.hops + 1 });
  }

  /**
   * Only who already asks with the operator's credentials gets there with one: else a registry could
   * pass another's private content off as one that everybody may have. No login comes back to where
   * the request began: whoever it was sent to would choose what the login opens there.
   */
  #accessThere({ access, began }: Sent, to: Place): Access {
    const there = registryAt(to.address, to.scheme);
    const mayShare = access.kind === "shared" && there.name !== began;
    const isShared = mayShare && this.#authorizer.hasCredential(there);
    return { kind: isShared ? "shared" : "anonymous", from: access.from };
  }

  async #exchange(
    request: Sent,
    place: Place,
    authorization: Authorization,
  ): Promise<RegistryResponse> {
    const { asked, method, patience, signal, body, isRepeatable, access } = request;
    const send = async (): Promise<RegistryResponse> => {
      const response = await this.#transport.send({
        ...place,
        onBehalfOf: request.began,
        ...{ asked, client: access.from, method },
        headers: requestFields(request, place, { authorization, userAgent: this.#userAgent }),
        ...{ body, isRepeatable },
        patience,
        signal,
      });
      if (isClientsOwn(request, place)) return response;
      return withoutSession(asAsked(request, response));
    };
    if (!isReading(request)) return await send();
    const asker = quotaKey(this.#authorizer, request, { place, authorization });
    return await this.#rates.ask(asker, method === "HEAD", send);
  }
}
