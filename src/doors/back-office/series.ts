/**
 * Numbers by their labels, counted as plain numbers and read only when somebody looks. All of them
 * together keep within so many lines of the metrics page; what is beyond is counted nowhere but here.
 */
import { calledName, type RegistryName } from "../../protocol/registry-name.ts";

export type FamilyType = "counter" | "gauge" | "histogram";

/** One line of the page; `suffix` follows the family's name. */
export type Sample = {
  readonly suffix?: "_bucket" | "_sum" | "_count";
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};

/** What has one name on the page. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: FamilyType;
  /** The names of its labels, where they are the same in each sample, and known without one. */
  readonly labels?: readonly string[];
  samples(): Iterable<Sample>;
}

export type FamilyName = { readonly name: string; readonly help: string };

export class SeriesBudget {
  #left: number;
  #dropped = 0;

  constructor(lines: number) {
    this.#left = lines;
  }

  /** Series that had no room, each counted once for every time it was wanted. */
  get dropped(): number {
    return this.#dropped;
  }

  take(lines: number): boolean {
    if (lines > this.#left) {
      this.#dropped += 1;
      return false;
    }
    this.#left -= lines;
    return true;
  }
}

/** A number that whoever holds it may raise. */
export type Cell = { value: number };

export class Counter<Label extends string> implements Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly labels: readonly Label[];
  readonly #budget: SeriesBudget;
  readonly #cells = new Map<
    string,
    { readonly labels: Record<string, string>; readonly cell: Cell }
  >();

  constructor(
    described: FamilyName & { readonly type?: "counter" | "gauge" },
    labels: readonly Label[],
    budget: SeriesBudget,
  ) {
    this.name = described.name;
    this.help = described.help;
    this.type = described.type ?? "counter";
    this.labels = labels;
    this.#budget = budget;
  }

  /** The number of these labels' values, to be kept by who raises it often. */
  cell(...values: readonly string[]): Cell {
    const key = values.join("\n");
    const known = this.#cells.get(key);
    if (known !== undefined) return known.cell;
    const cell = { value: 0 };
    if (!this.#budget.take(1)) return cell;
    this.#cells.set(key, { labels: named(this.labels, values), cell });
    return cell;
  }

  *samples(): IterableIterator<Sample> {
    for (const { labels, cell } of this.#cells.values()) yield { labels, value: cell.value };
  }
}

/** How long things took, in seconds. */
export class Spread {
  readonly counts: Float64Array;
  sum = 0;
  count = 0;
  readonly #bounds: readonly number[];

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = new Float64Array(bounds.length);
  }

  add(seconds: number): void {
    this.sum += seconds;
    this.count += 1;
    for (let index = 0; index < this.#bounds.length; index += 1) {
      if (seconds > (this.#bounds[index] ?? 0)) continue;
      this.counts[index] = (this.counts[index] ?? 0) + 1;
      return;
    }
  }

  /** The time within which this part of them lay, read off the bounds; undefined without any. */
  quantile(part: number): number | undefined {
    if (this.count === 0) return undefined;
    let [below, from] = [0, 0];
    for (const [index, bound] of this.#bounds.entries()) {
      const here = this.counts[index] ?? 0;
      const wanted = part * this.count - below;
      if (here > 0 && wanted <= here) return from + ((bound - from) * wanted) / here;
      below += here;
      from = bound;
    }
    return from;
  }
}

export class Histogram<Label extends string> implements Family {
  readonly name: string;
  readonly help: string;
  readonly type = "histogram";
  readonly labels: readonly Label[];
  readonly #bounds: readonly number[];
  readonly #budget: SeriesBudget;
  readonly #cells = new Map<
    string,
    { readonly labels: Record<string, string>; readonly spread: Spread }
  >();

  constructor(
    described: FamilyName & { readonly bounds: readonly number[] },
    labels: readonly Label[],
    budget: SeriesBudget,
  ) {
    this.name = described.name;
    this.help = described.help;
    this.#bounds = described.bounds;
    this.labels = labels;
    this.#budget = budget;
  }

  spread(...values: readonly string[]): Spread {
    const key = values.join("\n");
    const known = this.#cells.get(key);
    if (known !== undefined) return known.spread;
    const spread = new Spread(this.#bounds);
    // Its bounds, the one beyond them, sum and count.
    if (!this.#budget.take(this.#bounds.length + 3)) return spread;
    this.#cells.set(key, { labels: named(this.labels, values), spread });
    return spread;
  }

  *samples(): IterableIterator<Sample> {
    for (const { labels, spread } of this.#cells.values()) {
      let below = 0;
      for (const [index, bound] of this.#bounds.entries()) {
        below += spread.counts[index] ?? 0;
        yield { suffix: "_bucket", labels: { ...labels, le: String(bound) }, value: below };
      }
      yield { suffix: "_bucket", labels: { ...labels, le: "+Inf" }, value: spread.count };
      yield { suffix: "_sum", labels, value: spread.sum };
      yield { suffix: "_count", labels, value: spread.count };
    }
  }
}

function named(labels: readonly string[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(labels.map((label, index) => [label, values[index] ?? ""]));
}

/** Registries that are named, in all, and how many of them strangers may have. */
const most = { all: 50, strangers: 30 };
const other = "other";

/**
 * Under which name a registry is counted. Clients choose what they ask for, so strangers have so many
 * names of their own, first come, and share `other` beyond that. It is what image names call it: one that is
 * spoken to in plain HTTP has no other.
 */
export class RegistryLabels {
  readonly #isKnown: (registry: string) => boolean;
  readonly #taken = new Set<string>();
  /** By the name that is told. */
  readonly #labels = new Map<string, string>();
  #strangers = 0;

  /** `isKnown`: named by the operator, or built in. */
  constructor(isKnown: (registry: string) => boolean) {
    this.#isKnown = isKnown;
  }

  /** To be asked each time: what is `other` is not remembered. */
  of(registry: string): string {
    return this.#labels.get(registry) ?? this.#first(registry);
  }

  /** Whether it has been counted under its own name. */
  has(registry: string): boolean {
    return this.#taken.has(calledName(registry as RegistryName));
  }

  #first(registry: string): string {
    const label = calledName(registry as RegistryName);
    if (!this.#taken.has(label) && !this.#hasRoomFor(label)) return other;
    this.#taken.add(label);
    this.#labels.set(registry, label);
    return label;
  }

  #hasRoomFor(label: string): boolean {
    if (this.#taken.size >= most.all) return false;
    if (this.#isKnown(label)) return true;
    if (this.#strangers >= most.strangers) return false;
    this.#strangers += 1;
    return true;
  }
}
