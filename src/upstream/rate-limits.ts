/**
 * Remembers a registry's 429 for as long as its Retry-After says (an hour at most; without one, and
 * for repeated ones, a growing pause), per host and credential. Meanwhile the same answer is given
 * without asking, and when the time has passed a single request tries.
 */

import { Readable } from "node:stream";
import { type HeaderList, headerValue } from "../protocol/http/header-list.ts";
import { parseRateLimit } from "../protocol/http/rate-limit.ts";
import { FairMap } from "../runtime/fair-map.ts";
import { ownBytes } from "../runtime/own-bytes.ts";
import { readStart } from "./body.ts";
import type { RegistryResponse } from "./registry-client.ts";
import type { ObserveUpstream } from "./upstream-event.ts";

export type RateLimitsOptions = { readonly now: () => number; readonly observe: ObserveUpstream };

/** In whose name: `access` is told, the key tells credentials of one kind apart. */
export type QuotaKey = {
  readonly host: string;
  readonly access: string;
  readonly key: string;
  /** The address of the client that asks: what is remembered counts to it. */
  readonly from?: string | undefined;
};

type Limit = {
  until: number;
  strikes: number;
  isProbed: boolean;
  readonly headers: HeaderList;
  readonly body: Uint8Array;
};

const status = 429;
const firstPause = 1_000;
const longestPause = 30_000;
const longestRetryAfter = 3_600_000;
const maxBody = 65_536;
const maxLimits = 10_000;
/** Of all that is remembered: bodies and fields are what registries send. */
const maxBytes = 2 * 1024 * 1024;

export class RateLimits {
  readonly #now: () => number;
  readonly #observe: ObserveUpstream;
  readonly #limits = new FairMap<string, Limit>({
    limit: maxLimits,
    bytes: { limit: maxBytes, of: sizeOf },
  });

  constructor(options: RateLimitsOptions) {
    this.#now = options.now;
    this.#observe = options.observe;
  }

  /** Asks unless a 429 still holds; its answer, or the remembered one. */
  async ask(
    asker: QuotaKey,
    isHead: boolean,
    question: () => Promise<RegistryResponse>,
  ): Promise<RegistryResponse> {
    const key = `${asker.host} ${asker.key}`;
    const limit = this.#limits.get(key);
    if (limit !== undefined) {
      if (limit.isProbed || this.#now() < limit.until) return this.#remembered(limit, isHead);
      limit.isProbed = true;
    }
    try {
      const response = await question();
      this.#tellQuota(asker, response.headers);
      if (response.status === status) return await this.#struck(asker, key, response);
      this.#limits.delete(key);
      return response;
    } finally {
      if (limit !== undefined) limit.isProbed = false;
    }
  }

  async #struck(
    asker: QuotaKey,
    key: string,
    response: RegistryResponse,
  ): Promise<RegistryResponse> {
    const before = this.#limits.get(key);
    // What was asked before the first answer came is no new offence.
    const isSame = before !== undefined && this.#now() < before.until;
    const strikes = (before?.strikes ?? 0) + (isSame ? 0 : 1);
    const pause = Math.min(firstPause * 2 ** (strikes - 1), longestPause);
    const wanted = Math.min(retryAfter(response.headers) ?? 0, longestRetryAfter);
    const until = this.#now() + Math.max(pause, wanted);
    const headers = new Map(response.headers);
    // It is given to others too.
    headers.delete("set-cookie");
    const limit: Limit = {
      until,
      strikes,
      isProbed: false,
      headers,
      body: new Uint8Array(),
    };
    this.#limits.set(key, limit, asker.from);
    const seconds = this.#secondsLeft(limit);
    this.#observe({ kind: "rateLimited", host: asker.host, access: asker.access, seconds });
    const body = ownBytes(await readStart(response.body, maxBody));
    this.#limits.set(key, { ...limit, body }, asker.from);
    return this.#remembered({ ...limit, body }, false);
  }

  #remembered(limit: Limit, isHead: boolean): RegistryResponse {
    const headers = new Map(limit.headers);
    headers.set("retry-after", [`${this.#secondsLeft(limit)}`]);
    headers.set("content-length", [`${limit.body.length}`]);
    const body = isHead || limit.body.length === 0 ? [] : [limit.body];
    return { status, headers, body: Readable.from(body) };
  }

  #tellQuota({ host, access }: QuotaKey, headers: HeaderList): void {
    const said = parseRateLimit(headers);
    if (said !== undefined) this.#observe({ kind: "rateLimitRead", host, access, ...said });
  }

  #secondsLeft(limit: Limit): number {
    return Math.max(1, Math.ceil((limit.until - this.#now()) / 1_000));
  }
}

/** In milliseconds. A date counts from the answer's own Date, so that our clock may be wrong. */
function retryAfter(headers: HeaderList): number | undefined {
  const text = headerValue(headers, "retry-after")?.trim() ?? "";
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  const gap = Date.parse(text) - Date.parse(headerValue(headers, "date") ?? "");
  return Number.isNaN(gap) ? undefined : Math.max(0, gap);
}

function sizeOf({ headers, body }: Limit, key: string): number {
  let size = 300 + key.length + body.length;
  for (const [name, values] of headers) size += 100 + name.length + values.join("").length;
  return size;
}
