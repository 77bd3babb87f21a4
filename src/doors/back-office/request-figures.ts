/** What requests add up to. Each adds to a handful of numbers that are found together. */
import {
  isFromCache,
  isPull,
  kindOf,
  outcomeOf,
  type RegistryEvent,
  type RequestKind,
} from "../../registry/registry-event.ts";
import { BoundedMap } from "../../runtime/bounded-map.ts";
import {
  type Cell,
  Counter,
  type Family,
  Histogram,
  type RegistryLabels,
  type SeriesBudget,
  type Spread,
} from "./series.ts";
import { type Traffic, trafficOf } from "./traffic.ts";

const firstByteBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 25];

/** All numbers of requests through one door, to one registry, of one kind and outcome. */
type Lane = {
  readonly requests: Cell;
  readonly firstByte: Spread;
  readonly duration: Spread | undefined;
  readonly bytes: Cell | undefined;
  readonly isSaved: boolean;
  readonly traffic: Traffic;
};

type RequestFiguresOptions = {
  readonly budget: SeriesBudget;
  readonly labels: RegistryLabels;
  /** What each registry's requests add up to, for the statistics. */
  readonly traffic: Map<string, Traffic>;
  readonly repositories: RepositoryFigures;
};

export class RequestFigures {
  readonly #options: RequestFiguresOptions;
  readonly #lanes = new Map<string, Map<string, Lane>>();
  readonly #statuses = new Map<string, Cell[]>();
  readonly #requests: Counter<"door" | "registry" | "kind" | "outcome">;
  readonly #responses: Counter<"door" | "code">;
  readonly #pulls: Counter<"registry" | "source">;
  readonly #bytes: Counter<"registry" | "source">;
  readonly #firstByte: Histogram<"kind" | "outcome">;
  readonly #duration: Histogram<"kind" | "outcome">;
  readonly #refused: Cell;

  constructor(options: RequestFiguresOptions & { readonly refused: Cell }) {
    this.#options = options;
    this.#refused = options.refused;
    const { budget } = options;
    this.#requests = new Counter(
      { name: "requests_total", help: "Requests answered." },
      ["door", "registry", "kind", "outcome"],
      budget,
    );
    this.#responses = new Counter(
      { name: "responses_total", help: "Answers by their status code." },
      ["door", "code"],
      budget,
    );
    this.#pulls = new Counter(
      {
        name: "pulls_total",
        help: "Image manifests given whole; from the cache if none was fetched for it.",
      },
      ["registry", "source"],
      budget,
    );
    this.#bytes = new Counter(
      {
        name: "client_bytes_total",
        help: "Body bytes of content sent to clients, by where they came from.",
      },
      ["registry", "source"],
      budget,
    );
    this.#firstByte = new Histogram(
      {
        name: "first_byte_seconds",
        help: "Time from a request's head until the first bytes of its answer were at hand.",
        bounds: firstByteBounds,
      },
      ["kind", "outcome"],
      budget,
    );
    this.#duration = new Histogram(
      {
        name: "request_duration_seconds",
        help: "Time from a request's head to the last byte of its answer; blobs left out, whose time is the client's.",
        bounds: firstByteBounds,
      },
      ["kind", "outcome"],
      budget,
    );
  }

  families(): readonly Family[] {
    return [
      ...[this.#requests, this.#responses, this.#pulls, this.#bytes],
      ...[this.#firstByte, this.#duration],
      ...this.#options.repositories.families(),
    ];
  }

  note(event: RegistryEvent): void {
    const { door, status, bytes } = event;
    const lane = this.#laneOf(event);
    lane.requests.value += 1;
    this.#statusOf(door, status).value += 1;
    lane.firstByte.add(event.firstByte / 1_000);
    lane.duration?.add(event.milliseconds / 1_000);
    if (lane.bytes !== undefined) lane.bytes.value += bytes;
    const { traffic } = lane;
    traffic.requests += 1;
    if (status >= 500 || event.end === "cut") traffic.errors += 1;
    traffic.sent += bytes;
    if (lane.isSaved) traffic.saved += bytes;
    if (event.error?.code === "DENIED") this.#refused.value += 1;
    if (isPull(event)) this.#pull(event, traffic);
  }

  #pull(event: RegistryEvent, traffic: Traffic): void {
    const isCached = isFromCache(event);
    traffic.pulls += 1;
    if (isCached) traffic.cachedPulls += 1;
    const label = this.#options.labels.of(event.registry);
    this.#pulls.cell(label, isCached ? "cache" : "upstream").value += 1;
    this.#options.repositories.pulled(label, event.repository ?? "");
  }

  #statusOf(door: string, status: number): Cell {
    let cells = this.#statuses.get(door);
    if (cells === undefined) {
      cells = [];
      this.#statuses.set(door, cells);
    }
    const cell = cells[status] ?? this.#responses.cell(door, String(status));
    cells[status] = cell;
    return cell;
  }

  #laneOf(event: RegistryEvent): Lane {
    const registry = this.#options.labels.of(event.registry);
    let lanes = this.#lanes.get(registry);
    if (lanes === undefined) {
      lanes = new Map();
      this.#lanes.set(registry, lanes);
    }
    const kind = kindOf(event);
    const outcome = outcomeOf(event);
    const { door, source } = event;
    const key = `${door} ${kind} ${outcome} ${source}`;
    const known = lanes.get(key);
    if (known !== undefined) return known;
    const lane = this.#newLane({ door, registry, kind, outcome }, source);
    lanes.set(key, lane);
    return lane;
  }

  #newLane(
    of: {
      readonly door: string;
      readonly registry: string;
      readonly kind: RequestKind;
      readonly outcome: string;
    },
    source: RegistryEvent["source"],
  ): Lane {
    const { door, registry, kind, outcome } = of;
    return {
      requests: this.#requests.cell(door, registry, kind, outcome),
      firstByte: this.#firstByte.spread(kind, outcome),
      duration: kind === "blob" ? undefined : this.#duration.spread(kind, outcome),
      bytes: source && this.#bytes.cell(registry, source),
      isSaved: source !== undefined && source !== "upstream",
      traffic: trafficOf(this.#options.traffic, registry),
    };
  }
}

type Pulled = { readonly registry: string; readonly repository: string; readonly pulls: Cell };

const mostRemembered = 10_000;

/**
 * Pulls by repository, of those that are pulled most, as many as the settings say. Clients choose the
 * names, so those that were not pulled for longest are forgotten.
 */
export class RepositoryFigures {
  readonly #named: number;
  readonly #pulled = new BoundedMap<string, Pulled>({ limit: mostRemembered });

  /** `wanted` lines of the page are set aside from the start. */
  constructor(wanted: number, budget: SeriesBudget) {
    this.#named = budget.take(wanted) ? wanted : 0;
  }

  /** `registry` is its label. */
  pulled(registry: string, repository: string): void {
    if (this.#named === 0) return;
    const key = `${registry} ${repository}`;
    const known = this.#pulled.get(key);
    if (known !== undefined) known.pulls.value += 1;
    else this.#pulled.set(key, { registry, repository, pulls: { value: 1 } });
  }

  families(): readonly Family[] {
    if (this.#named === 0) return [];
    const help = "Pulls of the repositories that are pulled most.";
    const samples = () =>
      [...this.#pulled.values()]
        .sort((one, other) => other.pulls.value - one.pulls.value)
        .slice(0, this.#named)
        .map(({ registry, repository, pulls }) => ({
          ...{ labels: { registry, repository }, value: pulls.value },
        }));
    const labels = ["registry", "repository"];
    return [{ name: "repository_pulls_total", help, type: "counter", labels, samples }];
  }
}
