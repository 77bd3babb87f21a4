/** Which parts of a line are covered, as few intervals in order, none touching another. */

/** From `start` up to `end`, which is not part of it. */
export type Interval = { readonly start: number; readonly end: number };

export class Intervals {
  readonly #all: Interval[] = [];
  #total = 0;

  constructor(all: readonly Interval[] = []) {
    for (const { start, end } of all) this.add(start, end);
  }

  /** Covers from `start` up to `end`, which is not part of it. */
  add(start: number, end: number): void {
    if (start >= end) return;
    const first = this.#indexAt(start);
    let next = first;
    let whole = { start, end };
    let covered = 0;
    for (let each = this.#all[next]; each !== undefined && each.start <= end; ) {
      whole = { start: Math.min(whole.start, each.start), end: Math.max(whole.end, each.end) };
      covered += each.end - each.start;
      next += 1;
      each = this.#all[next];
    }
    this.#all.splice(first, next - first, whole);
    this.#total += whole.end - whole.start - covered;
  }

  /** Where what is covered from `position` on ends; `position` itself where it is not. */
  endOf(position: number): number {
    const around = this.#all[this.#indexAt(position)];
    if (around === undefined || around.start > position) return position;
    return Math.max(position, around.end);
  }

  /** Where the next one behind `position` begins; undefined when there is none. */
  nextAfter(position: number): number | undefined {
    const around = this.#indexAt(position);
    const first = this.#all[around];
    return first === undefined || first.start > position
      ? first?.start
      : this.#all[around + 1]?.start;
  }

  /** Where the last of them ends; 0 when there are none. */
  get end(): number {
    return this.#all.at(-1)?.end ?? 0;
  }

  /** How long all of them are together. */
  get total(): number {
    return this.#total;
  }

  get all(): readonly Interval[] {
    return [...this.#all];
  }

  /** The first that ends at `position` or behind it. */
  #indexAt(position: number): number {
    let low = 0;
    let high = this.#all.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#all[middle]?.end ?? position) < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
