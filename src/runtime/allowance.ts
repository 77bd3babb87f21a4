/** So much of something for each who asks, in each stretch of time; nobody in particular may have any number. */
import { BoundedMap } from "./bounded-map.ts";

export type AllowanceOptions = {
  readonly most: number;
  /** How long a stretch is. */
  readonly milliseconds: number;
  readonly now: () => number;
};

type Taken = { count: number; readonly since: number };

/** Who asks beyond so many is forgotten, and begins anew. */
const mostAskers = 10_000;

export class Allowance {
  readonly #options: AllowanceOptions;
  readonly #taken = new BoundedMap<string, Taken>({ limit: mostAskers });

  constructor(options: AllowanceOptions) {
    this.#options = options;
  }

  /** Whether there is one more for this asker, who then has it. */
  take(who: string | undefined): boolean {
    if (who === undefined) return true;
    const { most, milliseconds, now } = this.#options;
    const before = this.#taken.get(who);
    const isOver = before === undefined || now() - before.since >= milliseconds;
    const taken = isOver ? { count: 0, since: now() } : before;
    if (isOver) this.#taken.set(who, taken);
    if (taken.count >= most) return false;
    taken.count += 1;
    return true;
  }
}
