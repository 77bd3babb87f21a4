/**
 * `/metrics`: what was counted and what is so now, in Prometheus' words. Prints at most 3,000 lines;
 * everything is read when it is asked for.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { collectDefaultMetrics, Registry } from "prom-client";
import { Flights } from "../../runtime/flights.ts";
import type { Figures } from "./figures.ts";
import type { House } from "./ports.ts";
import type { Family, Sample } from "./series.ts";
import { standing } from "./standing.ts";

const prefix = "entrepot_";

/** Not clean to promtool: gauges that are called totals. */
const untidy = [
  "nodejs_active_handles_total",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
];

export class Metrics {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #figures: Figures;
  readonly #house: House;
  readonly #node = new Registry();
  readonly #pages = new Flights<string>();

  constructor(figures: Figures, house: House) {
    this.#figures = figures;
    this.#house = house;
    collectDefaultMetrics({ register: this.#node });
    for (const name of untidy) this.#node.removeSingleMetric(name);
  }

  /** One for all who ask at once. */
  page(): Promise<string> {
    return this.#pages.join("", async () => {
      await nextTurn();
      return await this.#page();
    });
  }

  async #page(): Promise<string> {
    const families = [...this.#figures.families(), ...(await standing(this.#figures, this.#house))];
    const page = new Registry();
    for (const family of families) page.registerMetric(metricOf(family));
    return `${await page.metrics()}\n${await this.#node.metrics()}`;
  }
}

type Metric = Parameters<Registry["registerMetric"]>[0];

/** What prom-client prints is whatever answers `get`; its own metrics cost too much on the way of a pull. */
function metricOf(family: Family): Metric {
  const name = prefix + family.name;
  const values = Array.from(family.samples(), ({ suffix, labels, value }: Sample) => ({
    ...{ metricName: name + (suffix ?? ""), labels, value },
  }));
  const { help, type } = family;
  const metric = { name, get: async () => ({ name, help, type, values, aggregator: "sum" }) };
  return metric as unknown as Metric;
}
