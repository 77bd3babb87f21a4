/**
 * Pulls by repository, for the metrics page: of those that are pulled most, as many as the settings say.
 * Clients choose the names, so those that were not pulled for longest are forgotten.
 */
import { BoundedMap } from "../../runtime/bounded-map.ts";
import type { Cell, Family, SeriesBudget } from "./series.ts";

type Pulled = { readonly registry: string; readonly repository: string; readonly pulls: Cell };

const mostRemembered = 10_000;

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
    return [{ name: "repository_pulls_total", help, type: "counter", samples }];
  }
}
