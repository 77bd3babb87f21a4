/**
 * The registry client that the cache and the registry room use: tokens and their one retry, redirects,
 * the memory of hosts that are down and of 429s, and one limit of time around it all.
 */

import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { formatHostPort } from "../../protocol/http/host-port.ts";
import { isRefusal } from "../../protocol/http/status.ts";
import { bearerToken } from "../../protocol/own-token.ts";
import { type Registry, registryAddress, registryAt } from "../../protocol/registry-name.ts";
import { ownRequest } from "../auth/own-request.ts";
import { repositoryOf, scopesOf } from "../auth/scopes.ts";
import { TokenLimited } from "../auth/token-limited.ts";
import { discard } from "../body.ts";
import { DownMemory } from "../down-memory.ts";
import type { Transport } from "../net/transport.ts";
import { type QuotaKey, RateLimits } from "../rate-limits.ts";
import type {
  Access,
  RegistryClient,
  RegistryRequest,
  RegistryResponse,
} from "../registry-client.ts";
import { upstreamDeadline } from "../upstream-deadline.ts";
import type { ObserveUpstream } from "../upstream-event.ts";
import { askedBy } from "./asked.ts";
import { type Authorized, type Authorizing, sendAuthorized } from "./authorized-send.ts";
import {
  isManifestPlace,
  isRedirect,
  isSameOrigin,
  maxBlobHops,
  maxManifestHops,
  nextPlace,
  type Place,
  tooManyHops,
} from "./redirects.ts";
import { isClientsOwn, isReading, requestFields } from "./request-fields.ts";
import { asWhole, ofStorage, withoutSession } from "./response-fields.ts";

export type PooledRegistryClientOptions = {
  readonly transport: Transport;
  readonly authorizer: Authorizing;
  readonly observe: ObserveUpstream;
  readonly now: () => number;
  /** Shared with whoever else finds out that a host is down. */
  readonly outages?: DownMemory | undefined;
  /** Shared with whoever else is told to leave a host alone. */
  readonly rates?: RateLimits | undefined;
  /** Sent where the client's request has none. */
  readonly userAgent?: string;
  /** Throws UpstreamError where the operator's rules do not let a redirect lead. */
  readonly judgeRedirect?: ((place: Place) => void) | undefined;
  /** Milliseconds to the headers: tokens, redirects and retries together. */
  readonly limits?: { readonly full: number; readonly brief: number };
};

type Authorization = string | undefined;

export class PooledRegistryClient implements RegistryClient {
  readonly #transport: Transport;
  readonly #authorizer: Authorizing;
  readonly #userAgent: string;
  readonly #judgeRedirect: (place: Place) => void;
  readonly #limits: { readonly full: number; readonly brief: number };
  readonly #down: DownMemory;
  readonly #rates: RateLimits;

  constructor(options: PooledRegistryClientOptions) {
    this.#transport = options.transport;
    this.#authorizer = options.authorizer;
    this.#userAgent = options.userAgent ?? "entrepot";
    this.#judgeRedirect = options.judgeRedirect ?? (() => undefined);
    this.#limits = options.limits ?? { full: 25_000, brief: 1_750 };
    this.#down = options.outages ?? new DownMemory(options);
    this.#rates = options.rates ?? new RateLimits(options);
  }

  hasCredential(registry: Registry): boolean {
    return this.#authorizer.hasCredential(registry);
  }

  async send(request: RegistryRequest): Promise<RegistryResponse> {
    const host = request.registry.name;
    // A push takes as long as it takes; its own limits begin once its body is sent.
    const limit = isReading(request) ? this.#limits[request.patience] : undefined;
    const deadline = upstreamDeadline(request.signal, host, limit, `${host} did not answer`);
    try {
      const response = await this.#answer({ ...request, signal: deadline.signal }, 0);
      deadline.disarm();
      if (response.body.closed) deadline[Symbol.dispose]();
      else response.body.once("close", () => deadline[Symbol.dispose]());
      return response;
    } catch (error) {
      deadline[Symbol.dispose]();
      throw deadline.signal.aborted ? deadline.signal.reason : error;
    }
  }

  async #answer(request: RegistryRequest, hops: number): Promise<RegistryResponse> {
    const { registry, target, redirects } = request;
    const place = { scheme: registry.scheme, address: registryAddress(registry.name), target };
    let used: Authorization;
    const host = formatHostPort(place.address, 443);
    const response = await this.#down
      .ask(host, request.patience === "brief", async () => {
        const answer = await this.#authorized(request, place);
        used = answer.authorization;
        return answer.response;
      })
      .catch(limitedAnswer);
    if (!isRedirect(response.status) || !isReading(request)) return response;
    if (redirects === "blob") return await this.#followBlob(request, { place, response }, used);
    if (redirects === "manifest") {
      return await this.#followManifest(request, { place, response }, hops);
    }
    return response;
  }

  async #authorized(request: RegistryRequest, place: Place): Promise<Authorized> {
    const { registry, access, target, patience, signal } = request;
    if (access.kind === "none" || access.kind === "client") {
      const authorization = access.kind === "client" ? access.authorization : undefined;
      return { response: await this.#exchange(request, place, authorization), authorization };
    }
    const own = ownRequest(request);
    if (own === undefined) {
      return {
        response: await this.#exchange(request, place, undefined),
        authorization: undefined,
      };
    }
    const printed = { ...request, headers: own.headers, body: undefined };
    const there = { ...place, target: own.target };
    const ask = { registry, access, scopes: scopesOf(target), patience, signal };
    return await sendAuthorized(this.#authorizer, ask, (authorization: Authorization) => {
      const mayGo = !own.isForTokensOnly || bearerToken(authorization) !== undefined;
      return this.#exchange(printed, there, mayGo ? authorization : undefined);
    });
  }

  async #followBlob(
    request: RegistryRequest,
    first: { readonly place: Place; readonly response: RegistryResponse },
    authorization: Authorization,
  ): Promise<RegistryResponse> {
    let { place, response } = first;
    let isAtHome = true;
    for (let hop = 1; isRedirect(response.status); hop++) {
      discard(response.body);
      if (hop > maxBlobHops) throw tooManyHops(first.place, maxBlobHops);
      const next = this.#next(place, response, request);
      isAtHome &&= isSameOrigin(place, next);
      place = next;
      response = await this.#exchange(request, place, isAtHome ? authorization : undefined);
    }
    return isAtHome ? response : ofStorage(response);
  }

  /** Throws UpstreamError where it may not be followed; the redirect's own answer is then closed. */
  #next(from: Place, { headers, body }: RegistryResponse, { registry }: RegistryRequest): Place {
    try {
      const next = nextPlace(from, headers, registry.scheme);
      this.#judgeRedirect(next);
      return next;
    } catch (error) {
      discard(body);
      throw error;
    }
  }

  /** The target is a registry of its own. When it refuses us, its 3xx may still serve the client. */
  async #followManifest(
    request: RegistryRequest,
    first: { readonly place: Place; readonly response: RegistryResponse },
    hops: number,
  ): Promise<RegistryResponse> {
    const { place, response } = first;
    const next = this.#next(place, response, request);
    if (!isManifestPlace(next)) return response;
    if (hops >= maxManifestHops) {
      discard(response.body);
      throw tooManyHops(place, maxManifestHops);
    }
    const registry = registryAt(next.address, next.scheme);
    const access = isSameOrigin(place, next)
      ? request.access
      : this.#accessThere(registry, request.access);
    try {
      const there = { ...request, registry, access, target: next.target };
      const answer = await this.#answer(there, hops + 1);
      if (!isRefusal(answer.status)) {
        discard(response.body);
        return answer;
      }
      discard(answer.body);
      return response;
    } catch (error) {
      discard(response.body);
      throw error;
    }
  }

  /**
   * Only who already asks with the operator's credentials gets there with one: else a registry could
   * pass another's private manifest off as one that everybody may have.
   */
  #accessThere(registry: Registry, access: Access): Access {
    if (access.kind === "none") return access;
    const isShared = access.kind === "shared" && this.#authorizer.hasCredential(registry);
    return { kind: isShared ? "shared" : "anonymous" };
  }

  async #exchange(
    request: RegistryRequest,
    place: Place,
    authorization: Authorization,
  ): Promise<RegistryResponse> {
    const { method, patience, signal, body } = request;
    const send = async (): Promise<RegistryResponse> => {
      const response = await this.#transport.send({
        ...place,
        onBehalfOf: request.registry.name,
        asked: askedBy(request),
        method,
        headers: requestFields(request, place, { authorization, userAgent: this.#userAgent }),
        body,
        patience,
        signal,
      });
      if (isClientsOwn(request, place)) return response;
      return withoutSession(request.headers.has("range") ? response : asWhole(response));
    };
    if (!isReading(request)) return await send();
    const asker = this.#askerOf(request, place, authorization);
    return await this.#rates.ask(asker, method === "HEAD", send);
  }

  /** Who is told 429 there. Where a registry sends us on to, its word is about that registry alone. */
  #askerOf(request: RegistryRequest, place: Place, authorization: Authorization): QuotaKey {
    const { access, registry, target } = request;
    const host = formatHostPort(place.address, 443);
    const home = formatHostPort(registryAddress(registry.name), 443);
    if (host !== home) return { host, access: "none", key: `from ${registry.name}` };
    if (authorization === undefined) return { host, access: "none", key: "none" };
    if (access.kind === "client") {
      const key = createHash("sha256").update(authorization).digest("base64url");
      return { host, access: "client", key };
    }
    const isShared = access.kind === "shared";
    const repository = repositoryOf(scopesOf(target));
    const payer = isShared ? this.#authorizer.payer(registry, repository) : undefined;
    return { host, access: access.kind, key: payer === undefined ? "anonymous" : `by ${payer}` };
  }
}

/** Who cannot have a token now is answered as if the registry itself had said so. */
function limitedAnswer(error: unknown): RegistryResponse {
  if (!(error instanceof TokenLimited)) throw error;
  const { headers, body } = error;
  return { status: 429, headers, body: Readable.from([body]) };
}
