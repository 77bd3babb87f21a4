/**
 * Things in the order in which they came, each of which may leave from anywhere. What has left leads to
 * nothing: of a Map whose entries come and go, every old table leads to the next, and once one of them
 * is old in V8's eyes, whatever was in those after it is kept until the heap is collected as a whole.
 */
export interface InSequence<T> {
  before: T | undefined;
  after: T | undefined;
}

export class Sequence<T extends InSequence<T>> {
  #first: T | undefined;
  #last: T | undefined;

  /** Who came first. */
  get first(): T | undefined {
    return this.#first;
  }

  /** Puts what is in no sequence at the end. */
  add(one: T): void {
    one.before = this.#last;
    if (this.#last === undefined) this.#first = one;
    else this.#last.after = one;
    this.#last = one;
  }

  /** False when it was not in it. */
  remove(one: T): boolean {
    const { before, after } = one;
    if (before === undefined && this.#first !== one) return false;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    one.before = undefined;
    one.after = undefined;
    return true;
  }

  /** As if it had come just now. */
  renew(one: T): void {
    if (this.#last === one) return;
    this.remove(one);
    this.add(one);
  }

  /** Those who are there now, in their order. */
  get all(): readonly T[] {
    const all: T[] = [];
    for (let one = this.#first; one !== undefined; one = one.after) all.push(one);
    return all;
  }
}
