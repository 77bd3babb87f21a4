/** What is dear to find out is found out once for all who ask, and kept as long as the answer itself says. */
import { FairMap } from "../../runtime/fair-map.ts";
import { Flights } from "../../runtime/flights.ts";

/** An answer, for how long it holds, and whose account it is on. */
export type FoundAnswer<T> = {
  readonly value: T;
  readonly forMs: number;
  readonly owner: string;
};

const maxKept = 5_000;

/** Answers that are dear to find out: found out once at a time, kept as long as each says, bounded fairly by whose they are. */
export class Remembered<T> {
  readonly #now: () => number;
  readonly #kept = new FairMap<string, { readonly value: T; readonly until: number }>({
    limit: maxKept,
  });
  readonly #findings = new Flights<T>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** What is kept and still holds, or undefined. */
  peek(key: string): T | undefined {
    const kept = this.#kept.get(key);
    return kept !== undefined && this.#now() < kept.until ? kept.value : undefined;
  }

  /** What was found last, though it may hold no more. */
  last(key: string): T | undefined {
    return this.#kept.get(key)?.value;
  }

  /** What is kept, or what `find` says; a failure is not kept. */
  async get(key: string, find: () => Promise<FoundAnswer<T>>): Promise<T> {
    const kept = this.#kept.get(key);
    if (kept !== undefined && this.#now() < kept.until) return kept.value;
    return await this.#findings.join(key, async () => {
      const { value, forMs, owner } = await find();
      this.#kept.set(key, { value, until: this.#now() + forMs }, owner);
      return value;
    });
  }
}
