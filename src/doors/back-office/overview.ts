/** What the back office has to say, as plain values: for its pages, its API and the commands. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { calledName } from "../../protocol/registry-name.ts";
import { isPull, kindOf, outcomeOf, type RegistryEvent } from "../../registry/registry-event.ts";
import { Flights } from "../../runtime/flights.ts";
import type { CatalogueStore, ImageName, ImageQuery } from "../../store/catalogue-store.ts";
import type { Figures } from "./figures.ts";
import { Findings } from "./findings.ts";
import type { Images } from "./images.ts";
import type { House } from "./ports.ts";
import type { SeenTunnel } from "./seen-tunnels.ts";
import { type Statistics, statistics } from "./statistics.ts";

export type OverviewOptions = {
  readonly figures: Figures;
  readonly house: House;
  readonly images: Images;
  readonly store: Pick<CatalogueStore, "sums" | "totals">;
  /** Brings what was counted up to date. */
  readonly flush: () => Promise<void>;
  readonly explain: (name: ImageName) => Promise<readonly string[] | undefined>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

export class Overview {
  readonly #options: OverviewOptions;
  readonly #findings: Findings;
  readonly #stats = new Flights<Statistics>();
  readonly #startedAt: number;
  /** How far each download was, and when: for its speed. */
  #marks = new Map<
    string,
    { readonly written: number; readonly at: number; readonly speed: number }
  >();

  constructor(options: OverviewOptions) {
    this.#options = options;
    this.#findings = new Findings(options.figures, options.house, options.now);
    this.#startedAt = options.now();
  }

  status() {
    const { house } = this.#options;
    const { phase } = house.health();
    const findings = this.#findings.all();
    return {
      phase,
      isWell: findings.length === 0,
      findings,
      since: this.#startedAt,
      ...house.build,
    };
  }

  settings(): { readonly lines: readonly string[] } {
    return { lines: this.#options.house.settings() };
  }

  /** Hosts that clients were passed on to untouched. */
  tunnels(): { readonly tunnels: readonly SeenTunnel[] } {
    return { tunnels: this.#options.figures.tunnels.all() };
  }

  /** One of all who ask at once, in a turn of its own: a day has many minutes. */
  stats(): Promise<Statistics> {
    return this.#stats.join("", async () => {
      await this.#options.flush();
      await nextTurn();
      return statistics(this.#options.store, this.#options.now());
    });
  }

  downloads() {
    const { house, now } = this.#options;
    const marks = new Map<string, { written: number; at: number; speed: number }>();
    const downloads = house.downloads().map((one) => {
      const before = this.#marks.get(one.digest);
      const at = now();
      const seconds = before === undefined ? 0 : (at - before.at) / 1_000;
      const isSoon = before !== undefined && seconds < 0.5;
      const speed =
        before === undefined || seconds === 0 ? 0 : (one.written - before.written) / seconds;
      const mark = isSoon ? before : { written: one.written, at, speed };
      marks.set(one.digest, mark);
      return { ...one, speed: mark.speed };
    });
    this.#marks = marks;
    return { downloads };
  }

  registries() {
    const { figures } = this.#options;
    return {
      registries: figures.upstream.registries(),
      budgets: figures.upstream.budgets(),
      logins: figures.upstream.logins(),
    };
  }

  async images(query: ImageQuery) {
    await this.#options.flush();
    return this.#options.images.list(query);
  }

  async image(name: Parameters<Images["show"]>[0]) {
    await this.#options.flush();
    return this.#options.images.show(name);
  }

  async explain(name: ImageName): Promise<readonly string[] | undefined> {
    await this.#options.flush();
    return this.#options.explain(name);
  }

  requests() {
    return {
      requests: this.#options.figures.last.newestFirst().map(({ at, event }) => told(at, event)),
    };
  }

  async disk() {
    const { house, figures } = this.#options;
    return {
      ...house.kept(),
      disk: await house.disk(),
      lastEvictedAge: figures.house.lastEvictedAge,
      next: house.nextToGo(),
    };
  }
}

function told(at: number, event: RegistryEvent) {
  const { client, door, registry, repository, what, method, status, bytes, milliseconds, end } =
    event;
  return {
    ...{ at, client, door, repository, what, method, status, bytes, milliseconds, end },
    registry: calledName(registry),
    kind: kindOf(event),
    outcome: outcomeOf(event),
    why: event.why,
    isPull: isPull(event),
    error: event.error?.message,
  };
}
