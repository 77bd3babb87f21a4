/** Answers that are dear to find out: found out once at a time, kept for as long as each says, bounded in number. */

export type Finding<T> = { readonly value: T; readonly forMs: number };

const maxKept = 10_000;

export class Remembered<T> {
  readonly #now: () => number;
  readonly #kept = new Map<string, { readonly value: T; readonly until: number }>();
  readonly #running = new Map<string, Promise<T>>();

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
  async get(key: string, find: () => Promise<Finding<T>>): Promise<T> {
    const kept = this.#kept.get(key);
    if (kept !== undefined && this.#now() < kept.until) return kept.value;
    const running = this.#running.get(key);
    if (running !== undefined) return await running;
    const found = this.#find(key, find).finally(() => this.#running.delete(key));
    this.#running.set(key, found);
    return await found;
  }

  async #find(key: string, find: () => Promise<Finding<T>>): Promise<T> {
    const { value, forMs } = await find();
    this.#kept.delete(key);
    this.#kept.set(key, { value, until: this.#now() + forMs });
    const oldest = this.#kept.keys().next().value;
    if (this.#kept.size > maxKept && oldest !== undefined) this.#kept.delete(oldest);
    return value;
  }
}
