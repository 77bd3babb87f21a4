/** Who has most of something, to a tenth: found without looking at everybody. */

const step = Math.log(1.1);

export class Ranking {
  /** Those who have about as much, by how much that is. */
  readonly #ranks = new Map<number, Set<string>>();
  readonly #rankOf = new Map<string, number>();

  /** How much one has now; nothing takes him out. */
  set(who: string, share: number): void {
    const rank = share > 0 ? Math.floor(Math.log(share) / step) : undefined;
    const before = this.#rankOf.get(who);
    if (rank === before) return;
    if (before !== undefined) this.#leave(who, before);
    if (rank === undefined) return;
    this.#rankOf.set(who, rank);
    const peers = this.#ranks.get(rank) ?? new Set();
    this.#ranks.set(rank, peers.add(who));
  }

  get first(): string | undefined {
    const [who] = this.#ranks.get(Math.max(...this.#ranks.keys())) ?? [];
    return who;
  }

  #leave(who: string, rank: number): void {
    this.#rankOf.delete(who);
    const peers = this.#ranks.get(rank);
    peers?.delete(who);
    if (peers?.size === 0) this.#ranks.delete(rank);
  }
}
