/** What went through in the last day and month, from the sums of each minute, hour and day. */
import type { CatalogueStore, Sums, SumsAt, SumsOf } from "../../store/catalogue-store.ts";
import { noTraffic, type Traffic } from "./traffic.ts";

export type Statistics = {
  /** The last 24 hours, of all registries together and of each. */
  readonly day: Sums;
  readonly month: Sums;
  readonly registries: readonly {
    readonly registry: string;
    readonly day: Sums;
    readonly month: Sums;
  }[];
  /** Of all registries: hours of the last day, days of the last month. */
  readonly hours: readonly Point[];
  readonly days: readonly Point[];
};

export type Point = { readonly at: number } & Sums;

const hour = 3_600_000;
const day = 24 * hour;

export function statistics(
  store: Pick<CatalogueStore, "sums" | "totals">,
  now: number,
): Statistics {
  const today = byRegistry(store.totals("minute", now - day));
  const month = byRegistry(store.totals("hour", now - 30 * day));
  const registries = new Set([...today.keys(), ...month.keys()]);
  return {
    day: total(today.values()),
    month: total(month.values()),
    registries: Array.from(registries, (registry) => ({
      registry,
      day: today.get(registry) ?? noTraffic,
      month: month.get(registry) ?? noTraffic,
    })).sort((one, other) => other.month.pulls - one.month.pulls),
    hours: points(store.sums("hour", now - day), hour, now - day, now),
    days: points(store.sums("day", now - 30 * day), day, now - 30 * day, now),
  };
}

function byRegistry(all: readonly SumsOf[]): ReadonlyMap<string, Sums> {
  return new Map(all.map(({ registry, sums }) => [registry, sums]));
}

/** Every step is there, also those in which nothing happened. */
function points(
  all: readonly SumsAt[],
  length: number,
  from: number,
  to: number,
): readonly Point[] {
  const byTime = new Map<number, Traffic>();
  for (let at = Math.floor(from / length + 1) * length; at <= to; at += length) {
    byTime.set(at, { ...noTraffic });
  }
  for (const { at, sums } of all) {
    const point = byTime.get(at);
    if (point !== undefined) add(point, sums);
  }
  return Array.from(byTime, ([at, sums]) => ({ at, ...sums }));
}

function total(all: Iterable<Sums>): Sums {
  const sum: Traffic = { ...noTraffic };
  for (const sums of all) add(sum, sums);
  return sum;
}

function add(sum: Traffic, more: Sums): void {
  for (const key of Object.keys(noTraffic) as (keyof Traffic)[]) sum[key] += more[key];
}
