/**
 * How many requests an origin may have at once: so many bodies, and places of their own for what is
 * small, both shared fairly by client address. Pushes and what is outside the registry API have as
 * many as their clients have connections.
 */
import { formatHostPort, type HostPort } from "../../protocol/http/host-port.ts";
import type { Scheme } from "../../protocol/registry-name.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { FairPlaces } from "../../runtime/fair-places.ts";
import type { Patience } from "../registry-client.ts";
import { abortedError } from "../upstream-deadline.ts";
import { UpstreamError } from "../upstream-error.ts";
import type { Purpose } from "../upstream-event.ts";

export type PlacesOptions = {
  readonly after?: Clock["after"];
  /** Blobs and lists, at one origin. */
  readonly bodies?: number;
  /** Pings, tokens, HEADs and manifests, at one origin. */
  readonly small?: number;
};

/** What of a request decides which place it takes. */
export type PlaceAsk = {
  readonly scheme: Scheme;
  readonly address: HostPort;
  readonly method: string;
  readonly target: string;
  readonly asked?: Purpose | undefined;
  readonly client?: string | undefined;
  readonly patience: Patience;
  readonly signal: AbortSignal;
};

type Kind = "bodies" | "small";

type Place = {
  /** Gives it back. */
  readonly leave: () => void;
  /** Ends the request, where others need its place more too. */
  readonly signal: AbortSignal;
};

/** The longest that anybody waits for a place. */
const longestWait = 20_000;
/**
 * The part of the places that is kept for addresses with none under way, once there are several: a few
 * whose requests hang then do not have them all.
 */
const keptPart: Readonly<Record<Kind, number>> = { bodies: 1 / 8, small: 1 / 2 };
/**
 * So long one who has no small request under way waits while none ends; then the oldest of who has most
 * is given up, for what is small and takes longer hangs: a registry that is only slow answers sooner. A body
 * that takes long is a large one.
 */
const longestHang = 15_000;
/** Requests of nobody's in particular: tokens, pings, what is asked behind the clients' backs. */
const ours = "";

export class Places {
  readonly #after: Clock["after"];
  readonly #limits: Readonly<Record<Kind, number>>;
  readonly #origins = new Map<string, FairPlaces>();

  constructor({ after = systemClock.after, bodies = 256, small = 32 }: PlacesOptions = {}) {
    this.#after = after;
    this.#limits = { bodies, small };
  }

  /** Throws UpstreamError BUSY after 20 s. */
  async take(ask: PlaceAsk): Promise<Place> {
    const kind = kindOf(ask);
    if (kind === undefined) return { leave: () => undefined, signal: ask.signal };
    const { scheme, address, signal, client = ours } = ask;
    const host = formatHostPort(address, 443);
    const key = `${kind} ${scheme} ${formatHostPort(address)}`;
    const places = this.#origins.get(key) ?? this.#placesFor(kind);
    this.#origins.set(key, places);
    const forget = (): void => {
      if (places.isEmpty && this.#origins.get(key) === places) this.#origins.delete(key);
    };
    try {
      const late = (): Error => busy(host);
      const given = new AbortController();
      const giveWay = (): void => given.abort(hung(host));
      const wait = { signal, milliseconds: longestWait, late, ended: endedAt(host), giveWay };
      const leave = await places.take(client, wait);
      const left = (): void => {
        leave();
        forget();
      };
      const isFirm = kind === "bodies";
      return { leave: left, signal: isFirm ? signal : AbortSignal.any([signal, given.signal]) };
    } catch (error) {
      forget();
      throw error;
    }
  }

  #placesFor(kind: Kind): FairPlaces {
    const limit = this.#limits[kind];
    const last = Math.floor(limit * keptPart[kind]);
    const kept = { last, house: ours, ...(kind === "small" ? { patience: longestHang } : {}) };
    return new FairPlaces(limit, this.#after, kept);
  }
}

function kindOf({ method, asked = "other", target, patience }: PlaceAsk): Kind | undefined {
  if (asked === "token") return "small";
  const isReading = method === "GET" || method === "HEAD";
  const isOfApi = asked !== "other" || target.startsWith("/v2/");
  if (!isReading || !isOfApi || patience === "open" || asked === "upload") return undefined;
  const isPing = /^\/v2\/(?:\?|$)/.test(target);
  return method === "HEAD" || asked === "manifest" || isPing ? "small" : "bodies";
}

/** Who waited for a place as long as he could has not been kept waiting by the host. */
function endedAt(host: string): (signal: AbortSignal) => Error {
  return (signal) => {
    const error = abortedError(host, signal);
    return error.code === "TIMEOUT" ? busy(host) : error;
  };
}

function busy(host: string): UpstreamError {
  const message = `the proxy asks ${host} for as much at once as it may, and its turn did not come`;
  return new UpstreamError("BUSY", host, message);
}

function hung(host: string): UpstreamError {
  const message = `${host} was slow to answer this, and others were to be asked for something there`;
  return new UpstreamError("BUSY", host, message);
}
