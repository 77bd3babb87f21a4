/**
 * One exchange with a token service: the request, the other form where only that is known, a few
 * redirects over https. A login goes along to the same host or to the registry's pair, no further.
 */
import { headerValue } from "../../protocol/http/header-list.ts";
import { formatHostPort, type HostPort } from "../../protocol/http/host-port.ts";
import { isRedirect, isUnavailable } from "../../protocol/http/status.ts";
import {
  type Registry,
  type RegistryName,
  registryAddress,
  registryNameOf,
} from "../../protocol/registry-name.ts";
import { isSameOrigin, leaderAfter, nextPlace, type Place, refusedRedirect } from "../location.ts";
import type { Transport } from "../net/transport.ts";
import type { RateLimits } from "../rate-limits.ts";
import type { RegistryResponse } from "../registry-client.ts";
import { UpstreamError } from "../upstream-error.ts";
import type { Attached, Credential } from "./credential.ts";
import { mayAskRealm, type Realm } from "./realm.ts";
import { TokenLimited } from "./token-limited.ts";
import { readReply, TokenRefusal } from "./token-reply.ts";
import { type TokenRequest, tokenRequest } from "./token-request.ts";

export type ServiceAsk = {
  /** On whose behalf: its tokens are sent to no other. */
  readonly registry: Registry;
  /** Where the request began that wants it; at the registry itself where it is undefined. */
  readonly began?: RegistryName | undefined;
  /** Who led to the registry, where the operator named him not: decides in the place of `began`. */
  readonly ledBy?: RegistryName | undefined;
  /** The address of the client that it is for; of several who want the same, the first one's. */
  readonly from?: string | undefined;
  readonly realm: Realm;
  /** Whether the registry's tokens may come from there. If not, what happens there is nobody else's. */
  readonly isBelieved: boolean;
  /** "" when the challenge names none. */
  readonly service: string;
  readonly scopes: readonly string[];
  readonly credential: Credential | undefined;
};

export type TokenExchangeOptions = {
  readonly transport: Pick<Transport, "send">;
  readonly rates: RateLimits;
  /** Whether the operator named it: no stranger leads into his own network. */
  readonly isNamed: (address: HostPort) => boolean;
};

type Answered = { readonly place: Place; readonly response: RegistryResponse };

const maxHops = 3;

export class TokenExchange {
  readonly #options: TokenExchangeOptions;

  constructor(options: TokenExchangeOptions) {
    this.#options = options;
  }

  /** What the service says to `attached`. Throws TokenRefusal, TokenLimited or another UpstreamError. */
  async ask(ask: ServiceAsk, attached: Attached | undefined, signal: AbortSignal): Promise<Buffer> {
    const first = await this.#answer(ask, tokenRequest(ask, attached), signal);
    const { status, body } = first.response;
    if (attached === undefined || (status !== 404 && status !== 405)) return judge(first);
    // Some services know only one of the two forms (distribution, auth/oauth.md).
    body.destroy();
    const isPost = attached.authorization !== undefined;
    return judge(await this.#answer(ask, tokenRequest(ask, attached, isPost), signal));
  }

  async #answer(ask: ServiceAsk, request: TokenRequest, signal: AbortSignal): Promise<Answered> {
    const { scheme, address } = ask.realm;
    const first: Place = { scheme, address, target: request.target, ledBy: this.#leader(ask) };
    let place = first;
    for (let hop = 0; ; hop++) {
      const response = await this.#send(ask, { ...request, target: place.target }, place, signal);
      if (!isRedirect(response.status)) return { place, response };
      response.body.destroy();
      if (hop === maxHops) throw refusedRedirect(first, `more than ${maxHops} times`);
      const isPair = ask.isBelieved && isSameOrigin(first, place);
      const ledBy = isPair ? place.ledBy : leaderAfter(place, this.#options.isNamed);
      place = { ...next(ask, place, response), ledBy };
      if (!(await mayTake(ask, place, signal))) throw ledAway(place);
    }
  }

  #send(
    ask: ServiceAsk,
    { form, ...head }: TokenRequest,
    { scheme, address, ledBy }: Place,
    signal: AbortSignal,
  ): Promise<RegistryResponse> {
    const { credential, registry, from } = ask;
    const access = credential === undefined ? "anonymous" : "shared";
    const key = `token for ${registry.name} by ${credential?.id ?? "nobody"}`;
    const asker = { host: formatHostPort(address, 443), access, key, from };
    return this.#options.rates.ask(asker, false, () =>
      this.#options.transport.send({
        ...{ ...head, scheme, address, ledBy },
        ...{ asked: "token", client: from },
        onBehalfOf: this.#onBehalfOf(ask, address),
        ...(form === undefined ? {} : { body: again(form), isRepeatable: true }),
        patience: "full",
        signal,
      }),
    );
  }

  /** Whoever said 401 leads to his token service. */
  #leader({ registry, ledBy }: ServiceAsk): RegistryName | undefined {
    const { name, scheme } = registry;
    return leaderAfter({ scheme, address: registryAddress(name), ledBy }, this.#options.isNamed);
  }

  /** Judged as what the registry leads to, or by itself where it is none of a named one's. */
  #onBehalfOf(ask: ServiceAsk, address: HostPort): RegistryName {
    const { isBelieved, registry, began = registry.name } = ask;
    const isLedThere = isBelieved || !this.#options.isNamed(registryAddress(registry.name));
    return began !== registry.name || isLedThere ? began : registryNameOf(address);
  }
}

/** Throws REDIRECT where no token may be asked for. */
function next({ registry }: ServiceAsk, from: Place, { headers }: RegistryResponse): Place {
  const place = nextPlace(from, headers, registry.scheme);
  if (isSameOrigin(from, place) || mayAskRealm(place, registry)) return place;
  throw refusedRedirect(from, "to where no token is asked for: an address, or plain http");
}

/** The login is asked for anew, which is what decides where it may go. */
async function mayTake(ask: ServiceAsk, to: Place, signal: AbortSignal): Promise<boolean> {
  const { credential, registry } = ask;
  if (credential === undefined) return true;
  const { scheme, address } = to;
  return (await credential.attachTo({ scheme, address, registry }, signal)) !== undefined;
}

function ledAway({ address }: Place): TokenRefusal {
  const host = formatHostPort(address, 443);
  return new TokenRefusal(host, { status: 401, body: Buffer.alloc(0), ledAwayTo: address });
}

async function judge({ place, response }: Answered): Promise<Buffer> {
  const host = formatHostPort(place.address, 443);
  const { status, headers } = response;
  if (status >= 300 && status < 400) {
    response.body.destroy();
    throw new UpstreamError("REDIRECT", host, `the token service ${host} answered ${status}`);
  }
  const body = await readReply(host, response);
  if (status === 429) throw new TokenLimited(host, { headers, body });
  if (isUnavailable(status) || status < 200) {
    throw new UpstreamError("DOWN", host, `the token service ${host} answered ${status}`);
  }
  if (status < 300) return body;
  const contentType = headerValue(headers, "content-type");
  throw new TokenRefusal(host, { status, contentType, body: body.subarray(0, 65_536) });
}

/** Each reader gets the whole. */
function again(text: string): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => once(text) };
}

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
