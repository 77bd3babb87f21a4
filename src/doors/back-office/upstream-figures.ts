/** What registries answered, how fast, and what they let us have. */
import { canonicalRegistry } from "../../protocol/registry-name.ts";
import type { AuthEvent } from "../../upstream/auth/auth-event.ts";
import type { UpstreamErrorCode } from "../../upstream/upstream-error.ts";
import type { UpstreamEvent } from "../../upstream/upstream-event.ts";
import {
  Counter,
  type Family,
  Histogram,
  type RegistryLabels,
  type SeriesBudget,
} from "./series.ts";
import { type Traffic, trafficOf } from "./traffic.ts";

const bounds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 25];

/** Undefined: nothing was asked after all. */
const failures: Readonly<Record<UpstreamErrorCode, string | undefined>> = {
  DNS: "dns",
  CONNECT: "reset",
  TLS: "tls",
  NO_TLS: "tls",
  TIMEOUT: "timeout",
  RESET: "reset",
  PROTOCOL: "server_error",
  TOO_LARGE: "server_error",
  REDIRECT: "server_error",
  FORBIDDEN: undefined,
  DOWN: undefined,
  BUSY: undefined,
  OFFLINE: undefined,
  ABORTED: undefined,
};

/** What a registry said of the pulls that it allows us. */
export type LoginBudget = {
  readonly registry: string;
  readonly login: "anonymous" | "shared";
  readonly limit: number;
  readonly remaining: number;
  /** Milliseconds since 1970, when it was said. */
  readonly at: number;
};

/** How a registry does, as far as it was asked. */
export type RegistryState = {
  readonly registry: string;
  readonly isUp: boolean;
  /** Milliseconds since 1970; undefined where it never answered. */
  readonly answeredAt: number | undefined;
  readonly downSince: number | undefined;
  /** Not asked before, by a 429. */
  readonly pausedUntil: number | undefined;
  readonly p50: number | undefined;
  readonly p95: number | undefined;
  readonly failures: number;
};

type State = {
  isUp: boolean;
  answeredAt: number | undefined;
  downSince: number | undefined;
  failures: number;
};

type UpstreamFiguresOptions = {
  readonly budget: SeriesBudget;
  readonly labels: RegistryLabels;
  readonly traffic: Map<string, Traffic>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

export class UpstreamFigures {
  readonly #options: UpstreamFiguresOptions;
  readonly #bytes: Counter<"registry">;
  readonly #requests: Counter<"registry" | "kind" | "result">;
  readonly #firstByte: Histogram<"registry">;
  readonly #states = new Map<string, State>();
  readonly #budgets = new Map<string, LoginBudget>();
  /** By registry and login, until when. */
  readonly #pauses = new Map<string, { registry: string; login: string; until: number }>();
  readonly #logins = new Map<string, { isUp: boolean; since: number }>();

  constructor(options: UpstreamFiguresOptions) {
    this.#options = options;
    const { budget } = options;
    this.#bytes = new Counter(
      { name: "upstream_bytes_total", help: "Body bytes received from registries." },
      ["registry"],
      budget,
    );
    this.#requests = new Counter(
      {
        name: "upstream_requests_total",
        help: "Requests to registries, and to where they sent us on.",
      },
      ["registry", "kind", "result"],
      budget,
    );
    this.#firstByte = new Histogram(
      {
        name: "upstream_first_byte_seconds",
        help: "Time until a registry's headers came.",
        bounds,
      },
      ["registry"],
      budget,
    );
  }

  families(): readonly Family[] {
    return [this.#bytes, this.#requests, this.#firstByte];
  }

  note(event: UpstreamEvent): void {
    switch (event.kind) {
      case "exchanged":
        this.#exchanged(event);
        return;
      case "received": {
        const label = this.#options.labels.of(event.registry);
        this.#bytes.cell(label).value += event.bytes;
        trafficOf(this.#options.traffic, label).fetched += event.bytes;
        return;
      }
      case "hostDown":
      case "hostUp":
        this.#turned(event.host, event.kind === "hostUp");
        return;
      case "rateLimited":
        this.#paused(event);
        return;
      case "rateLimitRead":
        this.#read(event);
        return;
    }
  }

  noteLogin(event: AuthEvent): void {
    if (event.kind !== "credentialRefused" && event.kind !== "credentialAccepted") return;
    const isUp = event.kind === "credentialAccepted";
    this.#logins.set(event.host, { isUp, since: this.#options.now() });
  }

  registries(): readonly RegistryState[] {
    const now = this.#options.now();
    return Array.from(this.#states, ([registry, state]) => {
      const spread = this.#firstByte.spread(registry);
      const pauses = [...this.#pauses.values()].filter((one) => one.registry === registry);
      const until = Math.max(0, ...pauses.map((one) => one.until));
      return {
        registry,
        ...state,
        pausedUntil: until > now ? until : undefined,
        p50: spread.quantile(0.5),
        p95: spread.quantile(0.95),
      };
    });
  }

  budgets(): readonly LoginBudget[] {
    return [...this.#budgets.values()];
  }

  pauses(): readonly {
    readonly registry: string;
    readonly login: string;
    readonly until: number;
  }[] {
    return [...this.#pauses.values()];
  }

  logins(): readonly {
    readonly registry: string;
    readonly isUp: boolean;
    readonly since: number;
  }[] {
    return Array.from(this.#logins, ([registry, state]) => ({ registry, ...state }));
  }

  #exchanged(event: Extract<UpstreamEvent, { readonly kind: "exchanged" }>): void {
    const { registry: name, asked, status, milliseconds } = event;
    const result = typeof status === "number" ? resultOf(status) : failures[status];
    if (result === undefined) return;
    const registry = this.#options.labels.of(name);
    this.#requests.cell(registry, asked, result).value += 1;
    const state = this.#stateOf(registry);
    if (typeof status !== "number") {
      state.failures += 1;
      return;
    }
    this.#firstByte.spread(registry).add(milliseconds / 1_000);
    if (status >= 500) state.failures += 1;
    else state.answeredAt = this.#options.now();
  }

  #turned(host: string, isUp: boolean): void {
    const registry = registryOf(host);
    // Token hosts and storage are no registries, and what was never asked has no state.
    if (!this.#options.labels.has(registry)) return;
    const state = this.#stateOf(registry);
    state.isUp = isUp;
    state.downSince = isUp ? undefined : this.#options.now();
  }

  #paused({ host, access, seconds }: Extract<UpstreamEvent, { kind: "rateLimited" }>): void {
    const registry = this.#options.labels.of(registryOf(host));
    const until = this.#options.now() + seconds * 1_000;
    const login = access === "shared" ? "shared" : "anonymous";
    this.#pauses.set(`${registry} ${login}`, { registry, login, until });
  }

  #read(event: Extract<UpstreamEvent, { readonly kind: "rateLimitRead" }>): void {
    const { host, access, limit, remaining } = event;
    // What a registry allows a client's own login is not ours.
    if (access !== "shared" && access !== "anonymous") return;
    const registry = this.#options.labels.of(registryOf(host));
    const at = this.#options.now();
    this.#budgets.set(`${registry} ${access}`, { registry, login: access, limit, remaining, at });
  }

  #stateOf(registry: string): State {
    const known = this.#states.get(registry);
    if (known !== undefined) return known;
    const state = { isUp: true, answeredAt: undefined, downSince: undefined, failures: 0 };
    this.#states.set(registry, state);
    return state;
  }
}

function resultOf(status: number): string {
  if (status < 400) return "ok";
  if (status === 404) return "missing";
  if (status === 429) return "rate_limited";
  return status >= 500 ? "server_error" : "denied";
}

function registryOf(host: string): string {
  return canonicalRegistry(host) ?? host;
}
