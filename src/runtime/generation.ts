/**
 * A number that stands still as long as nothing changes that answers rest on. Whoever changes or takes
 * back something raises it in the same turn: what was put together before that is not used again.
 */
export class Generation {
  #current = 0;

  get current(): number {
    return this.#current;
  }

  /** `_by` names what changes, for who looks on. */
  raise(_by: string): void {
    this.#current += 1;
  }
}
