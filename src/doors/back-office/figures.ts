/**
 * Listens to every room and keeps what the back office shows: numbers since the start, and the last
 * requests. Listening costs a few additions; everything else waits until somebody looks.
 */
import type { CacheEvent } from "../../cache/cache-event.ts";
import type { RegistryEvent } from "../../registry/registry-event.ts";
import type { StoreEvent } from "../../store/store-event.ts";
import type { AuthEvent } from "../../upstream/auth/auth-event.ts";
import type { UpstreamEvent } from "../../upstream/upstream-event.ts";
import type { DoorEvent } from "../door-event.ts";
import { ArchiveFigures } from "./archive-figures.ts";
import { HouseFigures } from "./house-figures.ts";
import { RepositoryFigures, RequestFigures } from "./request-figures.ts";
import { SeenTunnels } from "./seen-tunnels.ts";
import { Counter, type Family, RegistryLabels, SeriesBudget } from "./series.ts";
import type { Traffic } from "./traffic.ts";
import { UpstreamFigures } from "./upstream-figures.ts";

/** Lines of the metrics page that what is counted by labels may take; the rest is for what has none. */
const mostLines = 2_700;

export type FiguresOptions = {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Whether the operator named the registry, or it is built in. */
  readonly isKnown: (registry: string) => boolean;
  /** How many repositories are named on the metrics page. */
  readonly repositories: number;
};

export class Figures {
  readonly requests: RequestFigures;
  readonly upstream: UpstreamFigures;
  readonly house: HouseFigures;
  readonly archive: ArchiveFigures;
  readonly last: LastRequests;
  readonly tunnels: SeenTunnels;
  /** What went through, by registry, since the start. */
  readonly traffic: ReadonlyMap<string, Readonly<Traffic>>;
  readonly #budget = new SeriesBudget(mostLines);
  readonly #labels: RegistryLabels;
  readonly #listeners: ((event: RegistryEvent) => void)[] = [];

  constructor({ now, isKnown, repositories: wanted }: FiguresOptions) {
    const budget = this.#budget;
    const labels = new RegistryLabels(isKnown);
    const traffic = new Map<string, Traffic>();
    this.#labels = labels;
    this.traffic = traffic;
    this.house = new HouseFigures({ budget, labels, now });
    this.archive = new ArchiveFigures(budget);
    const refused = this.house.refused.cell("policy");
    const repositories = new RepositoryFigures(wanted, budget);
    this.requests = new RequestFigures({ budget, labels, traffic, refused, repositories });
    this.upstream = new UpstreamFigures({ budget, labels, traffic, now });
    this.last = new LastRequests(now);
    this.tunnels = new SeenTunnels(now);
  }

  families(): readonly Family[] {
    const dropped = new Counter(
      { name: "metrics_series_dropped_total", help: "Series left out to keep this page short." },
      [],
      new SeriesBudget(1),
    );
    dropped.cell().value = this.#budget.dropped;
    return [
      ...this.requests.families(),
      ...this.upstream.families(),
      ...this.house.families(),
      ...this.archive.families(),
      dropped,
    ];
  }

  labelOf(registry: string): string {
    return this.#labels.of(registry);
  }

  /** Somebody else wants to hear of requests for manifests too. */
  listen(listener: (event: RegistryEvent) => void): void {
    this.#listeners.push(listener);
  }

  readonly registry = (event: RegistryEvent): void => {
    this.requests.note(event);
    this.last.note(event);
    if (event.route === "manifest") for (const listen of this.#listeners) listen(event);
  };

  readonly door = (event: DoorEvent): void => {
    if (event.kind === "tunnelOpened") this.tunnels.note(event.host);
    this.house.noteDoor(event);
  };

  readonly cache = (event: CacheEvent): void => this.house.noteCache(event);

  readonly store = (event: StoreEvent): void => {
    this.house.noteStore(event);
    this.archive.note(event);
  };

  readonly upstreams = (event: UpstreamEvent): void => this.upstream.note(event);

  readonly auth = (event: AuthEvent): void => this.upstream.noteLogin(event);
}

/** So many are kept. */
const most = 200;

export type LastRequest = {
  /** Milliseconds since 1970, when it was over. */
  readonly at: number;
  readonly event: RegistryEvent;
};

/** The last requests, newest first; what they say is put into words only for who looks. */
export class LastRequests {
  readonly #now: () => number;
  readonly #ring: LastRequest[] = [];
  #next = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  note(event: RegistryEvent): void {
    this.#ring[this.#next] = { at: this.#now(), event };
    this.#next = (this.#next + 1) % most;
  }

  newestFirst(): readonly LastRequest[] {
    const [newer, older] = [this.#ring.slice(0, this.#next), this.#ring.slice(this.#next)];
    return [...older, ...newer].reverse();
  }
}
