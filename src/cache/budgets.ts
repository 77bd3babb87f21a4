/** What registries say is left of the pulls they allow: `ratelimit-limit: 100;w=21600`. */
import { type HeaderList, headerValue } from "../protocol/http/header-list.ts";
import type { RegistryName } from "../protocol/registry-name.ts";
import { BoundedMap } from "./bounded-map.ts";
import type { Observe } from "./cache-event.ts";
import type { Budget } from "./freshness.ts";

export class Budgets {
  readonly #observe: Observe;
  readonly #now: () => number;
  readonly #seen = new BoundedMap<RegistryName, Budget & { readonly until: number }>({
    limit: 1_000,
  });

  constructor(observe: Observe, now: () => number) {
    this.#observe = observe;
    this.#now = now;
  }

  /** Takes note of an answer's fields, if it has any. */
  note(registry: RegistryName, headers: HeaderList): void {
    const limit = readField(headers, "ratelimit-limit");
    const remaining = readField(headers, "ratelimit-remaining");
    if (limit === undefined || remaining === undefined) return;
    const until = this.#now() + (remaining.window ?? limit.window ?? 3_600) * 1_000;
    const budget = { limit: limit.count, remaining: remaining.count };
    this.#seen.set(registry, { ...budget, until });
    this.#observe({ kind: "budgetSeen", registry, ...budget });
  }

  /** What was last said, unless its window is over. */
  of(registry: RegistryName): Budget | undefined {
    const seen = this.#seen.get(registry);
    return seen !== undefined && seen.until > this.#now() ? seen : undefined;
  }
}

type Field = { readonly count: number; readonly window: number | undefined };

function readField(headers: HeaderList, name: string): Field | undefined {
  const match = /^\s*(\d{1,9})\s*(?:;\s*w=(\d{1,9}))?/.exec(headerValue(headers, name) ?? "");
  if (match === null) return undefined;
  return {
    count: Number(match[1]),
    window: match[2] === undefined ? undefined : Number(match[2]),
  };
}
