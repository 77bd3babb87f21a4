/** What is left of the pulls that a registry allows, as Docker Hub tells it (draft-ietf-httpapi-ratelimit-headers-03). */
import { type HeaderList, headerValue } from "./header-list.ts";

export type RateLimit = {
  readonly limit: number;
  readonly remaining: number;
  readonly windowSeconds: number | undefined;
};

/** From `ratelimit-limit: 100;w=21600` and `ratelimit-remaining: 76;w=21600`; undefined unless both are there. */
export function parseRateLimit(headers: HeaderList): RateLimit | undefined {
  const limit = quantity(headerValue(headers, "ratelimit-limit"));
  const remaining = quantity(headerValue(headers, "ratelimit-remaining"));
  if (limit === undefined || remaining === undefined) return undefined;
  const windowSeconds = remaining.windowSeconds ?? limit.windowSeconds;
  return { limit: limit.count, remaining: remaining.count, windowSeconds };
}

/** The same fields again, flat. */
export function printRateLimit({ limit, remaining, windowSeconds }: RateLimit): string[] {
  const window = windowSeconds === undefined ? "" : `;w=${windowSeconds}`;
  return ["RateLimit-Limit", `${limit}${window}`, "RateLimit-Remaining", `${remaining}${window}`];
}

function quantity(text = "") {
  const match = /^\s*(\d{1,9})\s*(?:;\s*w=(\d{1,9}))?/.exec(text);
  if (match === null) return undefined;
  const windowSeconds = match[2] === undefined ? undefined : Number(match[2]);
  return { count: Number(match[1]), windowSeconds };
}
