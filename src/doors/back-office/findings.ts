/** What is wrong, the worst first: what it is, since when, and what mends it. */
import type { Figures } from "./figures.ts";
import type { House } from "./ports.ts";

export type Finding = {
  /** `bad`: clients notice; `mind`: they may soon. */
  readonly level: "bad" | "mind";
  readonly what: string;
  /** Milliseconds since 1970; undefined where nobody knows. */
  readonly since: number | undefined;
  /** What to do or to look at first. */
  readonly mend: string;
};

/** Of the pulls a registry allows. */
const little = 0.1;

export class Findings {
  readonly #figures: Figures;
  readonly #house: House;
  readonly #now: () => number;
  /** When each sentence was seen first. */
  #since = new Map<string, number>();

  constructor(figures: Figures, house: House, now: () => number) {
    this.#figures = figures;
    this.#house = house;
    this.#now = now;
  }

  all(): readonly Finding[] {
    const { phase, degraded } = this.#house.health();
    const now = this.#now();
    this.#since = new Map(degraded.map((what) => [what, this.#since.get(what) ?? now]));
    const stopping: Finding[] =
      phase === "running"
        ? []
        : [{ level: "bad", what: `it is ${phase}`, since: undefined, mend: "wait for it" }];
    const findings = [
      ...stopping,
      ...degraded.map(
        (what): Finding => ({
          ...{ level: "bad", what, since: this.#since.get(what) },
          mend: "entrepot health",
        }),
      ),
      ...this.#upstreams(),
      ...this.#budgets(),
    ];
    return findings.sort(
      (one, other) => Number(one.level === "mind") - Number(other.level === "mind"),
    );
  }

  #upstreams(): readonly Finding[] {
    const now = this.#now();
    return this.#figures.upstream
      .registries()
      .flatMap(({ registry, isUp, downSince, pausedUntil }) => {
        const mend = `curl -sSI ${registry.includes("://") ? "" : "https://"}${registry}/v2/`;
        if (!isUp) {
          const what = `${registry} does not answer; what is kept is served`;
          return [{ level: "bad", what, since: downSince, mend } as const];
        }
        if (pausedUntil === undefined) return [];
        const seconds = Math.ceil((pausedUntil - now) / 1_000);
        const what = `${registry} limits our rate for another ${seconds} s`;
        return [
          {
            level: "bad",
            what,
            since: undefined,
            mend: "AUTH_REGISTRIES with a login for it",
          } as const,
        ];
      });
  }

  #budgets(): readonly Finding[] {
    return this.#figures.upstream.budgets().flatMap(({ registry, login, limit, remaining, at }) => {
      if (remaining >= limit * little) return [];
      const what = `${registry} allows ${remaining} more pulls of ${limit} (${login})`;
      const mend =
        login === "anonymous" ? "AUTH_REGISTRIES with a login for it" : "a longer TAG_TTL";
      return [{ level: "mind", what, since: at, mend } as const];
    });
  }
}
