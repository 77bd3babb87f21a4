/** What waits, by client: one of each in turn, so that a crowd behind one address holds up nobody else. */
export class FairQueue<Item> {
  /** Of each client, in the order of their turns. */
  readonly #waiting = new Map<string, Item[]>();

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  add(client: string, item: Item): void {
    const own = this.#waiting.get(client);
    if (own === undefined) this.#waiting.set(client, [item]);
    else own.push(item);
  }

  /** Whose turn it is; undefined when nothing waits. */
  next(): Item | undefined {
    for (const [client, own] of this.#waiting) {
      this.#waiting.delete(client);
      const item = own.shift();
      if (own.length > 0) this.#waiting.set(client, own);
      return item;
    }
    return undefined;
  }
}
