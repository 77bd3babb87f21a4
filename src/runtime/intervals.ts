/** Which parts of a line are covered, as few intervals in order, none touching another. */

type Interval = { readonly start: number; readonly end: number };

export class Intervals {
  #all: Interval[] = [];

  /** Covers from `start` up to `end`, which is not part of it. */
  add(start: number, end: number): void {
    if (start >= end) return;
    const last = this.#all.at(-1);
    // What grows at its end is the rule.
    if (last !== undefined && start === last.end) {
      this.#all[this.#all.length - 1] = { start: last.start, end };
      return;
    }
    const touched = this.#all.filter((each) => each.start <= end && each.end >= start);
    const whole = {
      start: Math.min(start, touched[0]?.start ?? start),
      end: Math.max(end, touched.at(-1)?.end ?? end),
    };
    const before = this.#all.filter((each) => each.end < start);
    const after = this.#all.filter((each) => each.start > end);
    this.#all = [...before, whole, ...after];
  }

  /** Where what is covered from `position` on ends; `position` itself where it is not. */
  endOf(position: number): number {
    const around = this.#all.find(({ start, end }) => start <= position && position < end);
    return around?.end ?? position;
  }

  /** Where the last of them ends; 0 when there are none. */
  get end(): number {
    return this.#all.at(-1)?.end ?? 0;
  }
}
