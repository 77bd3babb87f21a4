/**
 * What registries say is left of the pulls they allow us: `ratelimit-limit: 100;w=21600`. What they
 * say to a client's own login is that client's budget and not ours, and is told to nobody else.
 */
import { createHash } from "node:crypto";
import type { HeaderList } from "../../protocol/http/header-list.ts";
import { parseRateLimit, type RateLimit } from "../../protocol/http/rate-limit.ts";
import type { RegistryName } from "../../protocol/registry-name.ts";
import { BoundedMap } from "../../runtime/bounded-map.ts";
import { Generation } from "../../runtime/generation.ts";
import type { Access } from "../../upstream/registry-client.ts";
import type { Observe } from "../cache-event.ts";
import { type Budget, stretch } from "./freshness.ts";

/** Seconds. Docker Hub's is six hours; nobody is believed for longer than a day. */
const longestWindow = 86_400;

/** Until when it is believed. */
type Standing = Budget & { readonly until: number };
type Told = RateLimit & { readonly until: number };

/** What a registry said last, for whoever looks after the proxy. */
export type RegistryBudget = Budget & { readonly registry: RegistryName };

export class PullQuota {
  readonly #observe: Observe;
  readonly #now: () => number;
  readonly #generation: Pick<Generation, "raise">;
  readonly #seen = new BoundedMap<RegistryName, Standing>({ limit: 1_000 });

  /** By registry and by who asked, as it was said. */
  readonly #told = new BoundedMap<string, Told>({ limit: 1_000 });

  constructor(
    observe: Observe,
    now: () => number,
    generation: Pick<Generation, "raise"> = new Generation(),
  ) {
    this.#observe = observe;
    this.#now = now;
    this.#generation = generation;
  }

  /** Takes note of an answer's fields, if it has any. */
  note(registry: RegistryName, access: Access, headers: HeaderList): void {
    const said = parseRateLimit(headers);
    if (said === undefined) return;
    this.#generation.raise("budget");
    const { limit, remaining, windowSeconds = 3_600 } = said;
    const before = stretch(this.of(registry));
    const seconds = Math.min(windowSeconds, longestWindow);
    const until = this.#now() + seconds * 1_000;
    this.#told.set(keyOf(registry, access), { ...said, until });
    if (access.kind === "client") return;
    const budget = { limit, remaining };
    this.#seen.set(registry, { ...budget, until });
    this.#observe({ kind: "budgetSeen", registry, ...budget });
    const factor = stretch(budget);
    if (factor !== before) this.#observe({ kind: "ttlStretched", registry, ...budget, factor });
  }

  /** What was last said to who asks so. */
  toldTo(registry: RegistryName, access: Access): Told | undefined {
    const told = this.#told.get(keyOf(registry, access));
    return told !== undefined && told.until > this.#now() ? told : undefined;
  }

  /** What was last said, unless its window is over. */
  of(registry: RegistryName): Budget | undefined {
    return this.standing(registry);
  }

  /** The same, and when its window is over. */
  standing(registry: RegistryName): Standing | undefined {
    const seen = this.#seen.get(registry);
    return seen !== undefined && seen.until > this.#now() ? seen : undefined;
  }

  /** All of them whose window is not over. */
  all(): readonly RegistryBudget[] {
    return Array.from(this.#seen.entries())
      .filter(([, { until }]) => until > this.#now())
      .map(([registry, { limit, remaining }]) => ({ registry, limit, remaining }));
  }
}

function keyOf(registry: RegistryName, access: Access): string {
  if (access.kind !== "client") return `${registry} ${access.kind}`;
  const who = createHash("sha256").update(access.authorization).digest("base64url");
  return `${registry} ${who}`;
}
